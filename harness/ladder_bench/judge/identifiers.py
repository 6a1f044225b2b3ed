"""Identifiers: names from code, paths, codes, URLs and e-mail addresses in running text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex


@dataclass(frozen=True, slots=True)
class Mention:
    """Where an identifier stands. `stated` is False for placeholders, proposed names and names everybody knows."""

    kind: str
    text: str
    stated: bool
    start: int
    end: int


def addresses(text: str) -> Iterator[Mention]:
    """Yield e-mail addresses and URLs, also in code."""
    emails = list(_EMAIL.finditer(text)) if "@" in text else []
    for match in emails:
        yield Mention("email", match[0], not _PLACEHOLDER.search(match[0]), match.start(), match.end())
    taken = [match.span() for match in emails]
    for match in _URL.finditer(text) if "." in text and any(sign in text for sign in _SIGNS_OF_URL) else ():
        if not any(start <= match.start() < end for start, end in taken):
            url = match[0].rstrip(".,;:!?)'\"*_")
            yield Mention("url", url, not _PLACEHOLDER.search(url), match.start(), match.start() + len(url))


def bare_url(url: str) -> str:
    """Fold a URL so that scheme, www and a last slash make no difference."""
    return _SCHEME.sub("", url.casefold()).rstrip("/")


def identifiers(text: str) -> Iterator[Mention]:
    """Yield words that only code, a file system or a ledger would spell so.

    Quoted in backticks, a plain word counts only as "the `orders` table": otherwise it is a keyword or a command.
    """
    if not _MARK.search(text):
        return
    for match in _QUOTED.finditer(text):
        name = match["name"]
        shaped = _SHAPE.fullmatch(name) or ("/" in name and _SHAPE.fullmatch(name.rpartition("/")[2]))
        stated = bool(match["thing"] or shaped) and _claimed(name, text, match.start())
        yield Mention("identifier", name, stated, match.start("name") - 1, match.end())
    unquoted = _QUOTED.sub(lambda match: " " * len(match[0]), text)
    for match in _SHAPE.finditer(unquoted):
        yield Mention("identifier", match[0], _claimed(match[0], text, match.start()), *match.span())


def compact(text: str) -> str:
    """Keep letters and digits alone, so that user_id, userId and "user id" agree."""
    return _NOT_WORD.sub("", text.casefold())


def words(text: str) -> list[str]:
    """The words of a text, with snake_case and camelCase taken apart."""
    return _WORD.findall(_HUMP.sub(r" \g<0>", text).casefold())


def _claimed(name: str, text: str, start: int) -> bool:
    return (
        not _PUBLIC.search(name)
        and not _KEPT_BY_ALL.fullmatch(name)
        and not _PROPOSAL.search(text, max(0, start - 30), start)
    )


_THINGS = (
    "table|column|field|schema|index|bucket|branch|service|queue|topic|endpoint|role|database|repo|repository|file"
    "|folder|directory|environment|job|pod|container|setting|flag|variable|class|module|namespace|secret|host|server|node"
    "|cluster|deployment|project|dataset|dashboard|view|worker|instance|volume|policy|tag"
)
_FILE_TYPES = (
    "py|js|ts|tsx|sql|csv|json|ya?ml|toml|xlsx?|pdf|md|txt|sh|conf|ini|log|java|go|rs|html|css|xml|docx?|ipynb"
)
_WORD = regex.compile(r"[^\W_]+")
_NOT_WORD = regex.compile(r"[^a-z0-9]+")
_HUMP = regex.compile(r"[A-Z](?<=[a-z0-9][A-Z])")
_EMAIL = regex.compile(r"[\w.+-]++@[\w-]+\.(?:[\w-]+\.)*[a-zA-Z]{2,}")
_URL = regex.compile(
    r"https?://[^\s<>\"`|\])}]+|\bwww\.[^\s<>\"`|\])}]+"
    r"|(?<![\w.-])[a-z0-9-]{1,63}+(?:\.[a-z0-9-]{1,63}+){0,5}?\.(?:com|org|net|io|dev|gov|edu|co\.uk|app)\b(?:/[^\s<>\"`|\])}]*)?"
)
_SIGNS_OF_URL = ("http", "www.", ".com", ".org", ".net", ".io", ".dev", ".gov", ".edu", ".co.uk", ".app")
_SCHEME = regex.compile(r"^(?:https?://)?(?:www\.)?")
_PLACEHOLDER = regex.compile(
    r"\bexample\.(?:com|org|net)\b|localhost|127\.0\.0\.1|0\.0\.0\.0|your|placeholder|domain\.|<|\{|you@|user@",
    regex.IGNORECASE,
)
_MARK = regex.compile(
    r"[`_/\\#@]|--|[a-z][A-Z]|[A-Z]\d|\d[A-Z]|[A-Z]-\d|\.[a-z]|\(\)|\b0x|\d\.\d+\.\d|(?:Error|Warning)\b|[a-z]-\w*\d|[a-f]\d|\d[a-f]"
)
_QUOTED = regex.compile(rf"(?P<thing>\b(?:{_THINGS})\s)?`(?P<name>[^`\s]{{2,60}})`(?P<thing>\s(?:{_THINGS})\b)?")
_SHAPE = regex.compile(
    # most words are plain, and none of what follows begins with one
    r"(?<!\w)(?=[\w/.~#@-])(?![A-Z]?[a-z]*+(?:[\s,;:!?)]|\.\s))(?:"
    r"(?<![\w/.\\])(?:~|\.{1,2})?/[\w.@-]++(?:/[\w.@-]++)++|\b[A-Z]:\\[\w\\.-]+\w"  # paths
    rf"|(?<![\w-])[\w-]++\.(?:{_FILE_TYPES})\b"
    r"|(?<![\w.])(?=\w*[a-z])(?=[\w.]*(?:_|[a-z][A-Z]|\.))[A-Za-z_]\w*+(?:\.\w++)*+\(\)"  # calls
    r"|(?<![\w.])[a-z_]\w*+(?:\.[a-z_]\w++){2,}+"  # dotted.names
    r"|\b(?=\w*[a-z])(?=\w*[^\W_]_\w)\w++(?:\.\w++)*+|\b[A-Z][A-Z0-9]++_[A-Z0-9_]+\b"  # snake_case, UPPER_SNAKE
    r"|\b[a-z]{2,}+[0-9]*+(?:[A-Z][a-z0-9]++)++\b|\b(?:[A-Z][a-z0-9]++){1,8}(?<=Error|Exception|Warning)\b"  # camelCase
    # codes of errors, tickets and rooms
    r"|\b(?:[A-Z]{2,10}-\d{2,}[A-Z]?|[A-Z]-\d{2,}|(?!(?:UTC|GMT|MP|TCP|USB|VO)-)[A-Z]{2,4}-\d)\b|\b0x[0-9A-Fa-f]{3,}\b|(?<!\w)#\d{3,}\b|\b[A-Z]\d{3,}\b"
    r"|(?<![\w-])--[a-z][\w-]*\w"  # flags
    r"|(?<![\w.@/])@[a-z][a-z0-9_]{2,}+(?![/.(\w])|(?<!\w)#[a-z][a-z0-9]*(?:-[a-z0-9]+)+\b"  # handles, channels
    r"|\b(?=[a-f]*+\d)(?=\d*+[a-f])[0-9a-f]{7,40}\b"  # hashes
    # hosts and regions: auth-02, us-west-2
    r"|(?<![\w-])(?!(?:mid|late|early|pre|post|sub|top|age|grade|covid|base|ipv|utf|sha)-)"
    r"(?:[a-z]{2,}-)+(?:[a-z]+-\d|[a-z]*\d{2,3})\b(?!-)"
    r"|\b[A-Z][A-Za-z]*(?:-[A-Z][A-Za-z]+)+(?=`|$)"  # headers
    # codes of bookings and orders, but not formulas such as C6H12O6 and sizes such as 128GB
    r"|\b(?!(?:[CHNOPS]\d*){2,}\b|\d+[A-Z]{1,3}\b)(?=[A-Z]*\d)(?=\d*[A-Z])"
    r"(?=\w*\d[A-Z]*\d|\w*[A-Z]\d*[A-Z])[A-Z0-9]{5,10}\b"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b)"  # IP addresses
)
# names that belong to everybody's tools, not to this conversation
_PUBLIC = regex.compile(
    r"^(?:pg_|information_schema|sys\.|os\.|np\.|pd\.|plt\.|math\.|json\.|console\.|document\.|window\.|torch\."
    r"|java\.|self\.|__\w+__$|(?:SHA|ISO|RFC|AES|COVID|UTF|GPT|HTTP|IEEE|RTX|GTX)-"
    r"|/(?:usr|tmp|bin|dev|proc)\b)"
)
_KEPT_BY_ALL = regex.compile(
    r"/(?:etc|var|home|opt)(?:/[\w.-]+)?|/etc/(?:nginx|ssh|systemd|apt|docker|ssl|mysql|postgresql|default)/.*"
    r"|/var/(?:log|lib|run|www|cache)/[\w.-]+|/var/log/nginx/.*"
    r"|(?:Value|Key|Type|Index|Attribute|Import|Runtime|Name|OS|IO|Timeout|Syntax|Assertion|ZeroDivision|FileNotFound"
    r"|Permission|ModuleNotFound|NotImplemented|Recursion|Memory|Unicode(?:De|En)code|NullPointer|IllegalArgument"
    r"|IllegalState|Reference|Range|Deprecation)(?:Error|Exception|Warning)"
    r"|(?:Content|Cache|Set|User|Accept|Access|If|X-Forwarded|Last|Transfer|Strict|Www)-.*",
)
_PROPOSAL = regex.compile(
    r"\b(?:named?(?: it)?|call(?:ed)?(?: it)?|create[ds]?(?: an?)?|add(?: an?)?|introduce|renamed? (?:it )?to|e\.g\."
    r"|like|such as|new|use|using|try)\s[`\"'*]*$",
    regex.IGNORECASE,
)
