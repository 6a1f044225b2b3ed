"""Names: people, organisations and places in a text, read with reserve: a capital letter alone is no name."""

from __future__ import annotations

from collections.abc import Iterator

import regex


def names(text: str) -> Iterator[tuple[str, int]]:
    """Yield (name, position): runs of capitalised words, words after a title such as Dr, places after a preposition.

    Headings, labels, bold and quoted text, titles of concepts ("Machine Learning") and known products are left out.
    """
    prose = _LAYOUT.sub(_blank, text)
    taken: set[int] = set()
    for match in _TITLED.finditer(prose):
        taken.add(match.start("name"))
        yield match["name"], match.start("name")
    for match in _RUN.finditer(prose):
        name, start = _trimmed(match[0], match.start(), prose)
        if start not in taken and _named(name):
            taken.add(start)
            yield name, start
    for match in _PLACE.finditer(prose):
        if match.start("name") not in taken and not _concept(match["name"]):
            yield match["name"], match.start("name")


def words_of(name: str) -> list[str]:
    """The words of a name that carry it: no titles, initials or particles."""
    return [word.casefold() for word in _WORD.findall(name) if len(word) > 2 and word.casefold() not in PARTICLES]


def _trimmed(run: str, start: int, prose: str) -> tuple[str, int]:
    """Drop what only opens the sentence: "Contact Maria Lopez" names Maria Lopez."""
    head, _, tail = run.partition(" ")
    if head.casefold() in OPENERS or (_opens(prose, start) and head.casefold() in COMMON):
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
    "theater restaurant cafe group partners holdings labs studios"
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
_WORD = regex.compile(r"\w+")
# headings, bold and italics, quotations, labels before a colon, placeholders
_LAYOUT = regex.compile(
    r"(?m)(?![a-z])(?:^[ \t]*+#[^\n]*|\*\*[^*\n]+\*\*|(?<![\w*])\*[^*\n]+\*(?![\w*])"
    r"|\"[^\"\n]{1,120}\"|“[^”\n]{1,120}”|(?<!\w)'\p{Lu}[^'\n]{1,80}'(?!\w)"
    r"|^[ \t]*+(?:[-*•]|\d+[.)])?[ \t]*+[A-Z][^:.\n]{0,60}:|\[[^\]\n]{1,60}\])"
)
_CAPITALISED = r"\p{Lu}\p{Ll}+(?:[’'-]\p{Lu}\p{Ll}+)?"
_RUN = regex.compile(
    rf"(?<![\w’'-]){_CAPITALISED}(?:[ ](?:(?:of|de|da|del|van|von|the|la)[ ]){{0,2}}"
    rf"(?:{_CAPITALISED}|\p{{Lu}}\.(?=[ ]\p{{Lu}}))){{1,4}}(?![\w-])"
)
_LINKS = "and|or|on|for|with|is|was|by|to|in|from|where|who|which|since|at|has|had|the|as|near|after|before|but"
_TITLED = regex.compile(
    rf"\b(?:Mr|Mrs|Ms|Dr|Prof|Professor|Doctor|Captain|Judge|Senator)\b\.?[ ]"
    rf"(?P<name>{_CAPITALISED}(?:[ ]{_CAPITALISED})?)"
)
_PLACE = regex.compile(
    rf"(?<=[\w,] )(?:in|at|near|to|visit|visiting|lives in|moved to|works for|works at|employed by)[ ]"
    rf"(?P<name>{_CAPITALISED})(?=[.,;:!?)\n]|$|[ ](?:{_LINKS})\b)"
)
