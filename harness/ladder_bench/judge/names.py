"""Names: people, organisations and places in a text, read with reserve: a capital letter alone is no name."""

from __future__ import annotations

from collections.abc import Iterator

import regex


def names(text: str) -> Iterator[tuple[str, int]]:
    """Yield (name, position): runs of capitalised words, words after a title, a single one inside a sentence.

    Headings, labels, bold and quoted text, titles of concepts ("Machine Learning") and known products are left out.
    """
    prose = _LAYOUT.sub(_blank, text)
    taken: set[int] = set()
    for match in _TITLED.finditer(prose) if any(title in prose for title in TITLES) else ():
        taken |= {match.start("name") + offset.start() for offset in _WORD.finditer(match["name"])}
        yield match["name"], match.start("name")
    for match in _RUN.finditer(prose):
        name, start = _trimmed(match[0], match.start(), prose)
        if start not in taken and _named(name):
            taken |= {start + offset.start() for offset in _WORD.finditer(name)}
            yield name, start
    for match in _SPEAKING.finditer(prose):
        if match.start("name") not in taken and not _concept(match["name"]) and match["name"][-1] != "s":
            yield match["name"], match.start("name")
    for match in _SINGLE.finditer(prose):
        if (
            match.start() not in taken
            and not _common(match[0])
            and not _continues(prose, match.start())
            and not _LABELLED.search(prose, max(0, match.start() - 10), match.start())
        ):
            yield match[0], match.start()


def words_of(name: str) -> list[str]:
    """The words of a name that carry it: no titles, initials or particles."""
    return [word.casefold() for word in _WORD.findall(name) if len(word) > 2 and word.casefold() not in PARTICLES]


def _trimmed(run: str, start: int, prose: str) -> tuple[str, int]:
    """Drop what only opens the sentence: "Contact Maria Lopez" names Maria Lopez."""
    head, _, tail = run.partition(" ")
    opens = _opens(prose, start)
    if opens and tail.startswith("the "):  # Cancel the Singapore
        return _trimmed(tail[4:], start + len(head) + 5, prose)
    if head.casefold() in OPENERS or (opens and head.casefold() in COMMON):
        return _trimmed(tail, start + len(head) + 1, prose) if tail else ("", start)
    return run, start


def _opens(prose: str, start: int) -> bool:
    before = prose[max(0, start - 4) : start].rstrip(" ")
    return not before or before[-1] in ".!?:\n-*>"


def _named(name: str) -> bool:
    words = name.split()
    if len(words) < 2:
        return False
    if words[-1].casefold() in BODIES:
        return not any(word.casefold() in COMMON or word.casefold() in OPENERS for word in words[:-1])
    return not any(_concept(word) for word in words if word.casefold() not in PARTICLES)


def _concept(word: str) -> bool:
    folded = word.casefold()
    return folded in COMMON or folded in OPENERS or folded in BODIES or _ABSTRACT.search(folded) is not None


def _continues(prose: str, start: int) -> bool:
    """Say whether a capital only goes on with a name that everybody knows: Docker Compose."""
    before = _AFTER_CAPITAL.search(prose, max(0, start - 30), start)
    return before is not None and before[1].casefold() in COMMON


def _common(word: str) -> bool:
    """A capital inside a sentence says more than one at its beginning: fewer endings speak against a name."""
    folded = word.casefold()
    known = (COMMON, OPENERS, BODIES)
    return any({folded, folded.removesuffix("s")} & words for words in known) or _ACTIVITY.search(folded) is not None


def _blank(match: regex.Match[str]) -> str:
    return " " * (match.end() - match.start())


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


PARTICLES = _set("of the de da del der di la le van von bin al and")
# words that open a sentence or a label and are capitalised only therefore
OPENERS = _set(
    "mr mrs ms dr prof a an the this that these those it its he she they we you i my your our his her their if "
    "when while since because although though as after before once until unless so but and or for in on at by "
    "with from to of not no yes hi hello dear hey thanks thank please sorry sure okay ok well now then here there "
    "what which who whom whose why how where is are was were do does did can could will would should may might "
    "must let lets use set run add contact call ask tell email meet visit see try read write check make take give "
    "get go keep both each every all any some many most several however therefore also finally first second third "
    "next last another other according additionally moreover furthermore meanwhile later earlier today tomorrow "
    "yesterday based given note only just even still"
)
# organisations and places end like this
BODIES = _set(
    "inc ltd llc gmbh corp corporation company university college institute bank hospital clinic hotel airlines "
    "airways association foundation museum gallery street avenue road lane boulevard park airport station river lake "
    "mountain mountains island islands county city valley beach bridge church cathedral castle palace tower theatre "
    "theater restaurant cafe group partners holdings labs studios court trust capital systems estates logistics "
    "solutions consulting events motors foods farm farms hospice academy centre center roofing print trading sons "
    "brothers associates ventures industries hotels bakery brewery winery nursery pharmacy"
)
# capitalised in running text without naming a person, an organisation or a place of this conversation
COMMON = _set(
    # calendar
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december mon tue wed thu fri sat sun christmas easter halloween thanksgiving spring "
    "summer autumn winter new year eve day week "
    # languages, peoples, large places that anybody may mention
    "english french german spanish italian portuguese chinese mandarin japanese korean russian arabic hindi latin "
    "greek dutch swedish turkish polish american british european asian african indian western eastern northern "
    "southern north south east west central middle america europe asia africa australia antarctica earth sun moon "
    "mars god internet web "
    # technology and products
    "postgres postgresql mysql sqlite oracle redis kafka mongodb python java javascript typescript rust golang ruby "
    "kotlin swift php html css sql bash linux ubuntu debian windows macos ios android docker kubernetes terraform "
    "ansible jenkins git github gitlab bitbucket jira slack teams zoom excel word powerpoint outlook office sheets "
    "docs drive gmail google microsoft apple amazon facebook meta twitter instagram linkedin youtube whatsapp tiktok "
    "netflix spotify openai chatgpt claude gemini azure aws cloud react angular vue django flask spring node express "
    "laravel rails numpy pandas pytorch tensorflow keras spark hadoop airflow grafana prometheus elasticsearch kibana "
    "nginx apache salesforce shopify wordpress stripe paypal visa mastercard photoshop figma canva notion trello asana "
    "chrome firefox safari edge markdown json xml yaml rest graphql api wifi bluetooth usb ai ml chat assistant "
    "helm istio envoy rabbitmq celery memcached sentry datadog snowflake bigquery databricks looker tableau hive trino "
    "flink cassandra dynamodb lambda heroku vercel netlify cloudflare webpack vite babel jest cypress playwright "
    "selenium pytest maven gradle jupyter intellij unix fedora alpine intel nvidia unicode devtools homebrew chromium "
    # who says something without a name
    "everybody nobody somebody someone anyone management staff police government press court landlord tenant client "
    "doctor lawyer teacher boss colleague wife husband daughter son brother sister neighbour vendor supplier bank "
    # departments and eponyms
    "legal finance operations procurement compliance logistics payroll purchasing facilities "
    "bayes bayesian gaussian poisson pareto bonferroni markov fourier newton euler boolean cartesian fibonacci celsius "
    "fahrenheit kelvin pearson spearman fisher bernoulli cohen cronbach monte carlo pomodoro venn "
    "occam murphy moore parkinson hobson parmesan cheddar mozzarella dijon worcestershire encrypt certbot traefik "
    "norwegian danish finnish belgian swiss austrian czech hungarian romanian ukrainian welsh canadian mexican "
    "brazilian australian egyptian israeli persian thai vietnamese catholic christian muslim jewish buddhist hindu "
    "roman "
    # words of headings and of titles of concepts
    "step steps part section chapter option phase stage question answer example note tip rule plan goal goals "
    "summary overview introduction conclusion total name date time address subject title key main final general "
    "common basic advanced simple complex high low short long big small great good best better more less top free "
    "open smart fast real social digital global local public private human natural data machine deep business "
    "customer product project market supply value chain life world war health care food water energy power tax "
    "income cost price sales user team work home school book law act theory model method system analysis design "
    "process control law theorem principle formula equation effect rule test team service support department "
    "manager director officer president king queen empire dynasty revolution union states kingdom nations party "
    "code software hardware network server database table view index file list string line graph tree search sort "
    "stack queue class object function style star wars green red blue black white yellow orange golden silver pro "
    "con pros cons self non anti lord sir madam friend everyone mother father mom dad grandma grandpa uncle aunt "
    "person people role bot agent vitamin age traditional irish scottish old norman wide zoo messages photos "
    "settings notes apps pose"
)
_ABSTRACT = regex.compile(
    r"(?:ing|tion|sion|ment|ness|ity|ism|ship|ology|ography|ence|ance|ive|ous|ful|less|able|ible|ical|ial|ics|ure|ware"
    r"|ary|aches|ed|ies|ers|ists|ions|ly)$"
)
_ACTIVITY = regex.compile(r"(?:ing|tion|sion|ment|ness|ity|ism|ship|ology|ware|ial|ical|ed|ly)$")
_WORD = regex.compile(r"\w+")
# headings, bold and italics, quotations, labels before a colon, placeholders
_LAYOUT = regex.compile(
    r"(?m)(?![a-z])(?:^[ \t]*+#[^\n]*|(?<![\w,;] )\*\*[^*\n]+\*\*|(?<![\w*])\*[^*\n]+\*(?![\w*])"
    r"|\"[^\"\n]{1,120}\"|“[^”\n]{1,120}”|(?<!\w)'\p{Lu}[^'\n]{1,80}'(?!\w)"
    r"|^[ \t]*+(?:[-*•]|\d+[.)])?[ \t]*+[A-Z][^:.\n]{0,60}:|\[[^\]\n]{1,60}\])"
)
_CAPITALISED = r"\p{Lu}\p{Ll}+(?:\p{Lu}\p{Ll}+)?(?:[’'-]\p{Lu}\p{Ll}+)?"
_JOINT = r"[ ](?:&[ ]|(?:(?:of|de|da|del|van|von|the|la)[ ]){0,2})"
_PART = rf"(?:{_CAPITALISED}|\p{{Lu}}\.(?=[ ]\p{{Lu}}))"
_BEFORE_INITIALS = "by|from|with|to|and|or|signed|of|for|told|ask|says|is|was|contact|mr|mrs|ms|dr|prof"
_INITIALS = rf"(?<=(?:^|[.,;:(|]|\b(?i:{_BEFORE_INITIALS})\.?)[ ]?)(?:\p{{Lu}}\.[ ]?){{1,3}}(?=\p{{Lu}}\p{{Ll}})"
_RUN = regex.compile(rf"(?<![\w’'-])(?:{_INITIALS}|{_CAPITALISED}{_JOINT}){_PART}(?:{_JOINT}{_PART}){{0,3}}(?![\w-])")
_TITLE_WORDS = "Mr Ms Mrs Dr Prof Doctor Captain Judge Senator Coach Councillor Mayor Nurse Inspector Professor St"
TITLES = tuple(_TITLE_WORDS.split())
_TITLED = regex.compile(
    rf"\b(?:{'|'.join(sorted(TITLES, reverse=True))})\b\.?[ ](?P<name>{_CAPITALISED}(?:[ ]{_CAPITALISED})?)"
)
# who opens a sentence and says, wants or sells something
_SPEAKING = regex.compile(
    rf"(?:(?<=[.!?] )|(?m:^))(?P<name>{_CAPITALISED})[ ](?:says|said|told|wrote|writes|confirmed|confirms|agreed|agrees"
    r"|asked|asks|recommends|insists|promised|charges|sells|signed|approved|reported|wants|lives|joined)\b"
)
# a capital inside a sentence: as a rule a place, a firm or a person
_SINGLE = regex.compile(
    rf"(?<=[\p{{Ll}},;)] |[\p{{Ll}},] \()(?<!\n){_CAPITALISED}(?<=\w{{3}})"
    r"(?=[.,;!?)\n]|$|[ ][^\p{Lu}]|[’'](?:s|\s))"
)
_AFTER_CAPITAL = regex.compile(r"(?<![\w’'-])(\p{Lu}[\w’'-]*)[ ]$")
_LABELLED = regex.compile(
    r"\b(?:press|click|select|choose|view|tap|hit|open|sort by|title|button|column|key|menu|tab|field|option|type)[ ]$",
    regex.IGNORECASE,
)
