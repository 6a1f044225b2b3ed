"""Keys: what makes two calls the same call."""

from __future__ import annotations

from ladder_bench.domain import Json, Request, Tier, canonical, digest_of

KEYS = "1"  # changes when keys do


def backend_of(tier: Tier, fingerprint: str) -> str:
    """What answers, whatever it is called: the model and its parameters (base URL included), and its fingerprint.

    `fingerprint` is the backend's own: a simulator's seed and gold data, a recording's hash. Which variable holds the
    key to a provider is no part of it: the same model answers.
    """
    params = {name: value for name, value in tier.params.items() if name != "api_key_env"}
    return digest_of(KEYS, tier.model, canonical(params), fingerprint)


def key_of(request: Request, backend: str, salt: str = "") -> str:
    """Key of a request: all that can change its answer, and the conversation, so that draws stay independent.

    Never the tier's name, the strategy's name or the transport. `salt` separates what must not be shared. An offline
    backend answers from the turn, so the turn counts there: a shortened context can show two turns the same prompt.
    """
    key = digest_of(
        backend,
        request.origin.conversation,
        "" if request.tier.live else str(request.origin.turn),
        str(request.sample),
        request.system,
        request.history.digest,
        *(message.digest for message in request.now),
        salt,
    )
    more = _more(request)
    return digest_of(key, canonical(more)) if more else key


def _more(request: Request) -> dict[str, Json]:
    """What only some requests have. They alone have it in their keys, so that the keys of all others stay the same."""
    more: dict[str, Json] = {}
    if request.schema:
        more |= {"schema": request.schema, "json_output": request.tier.json_output}
    if request.tier.live:  # reads its prompt and nothing else
        return more
    if request.purpose != "answer":
        more["purpose"] = request.purpose
    if request.origin.step is not None:
        more["step"] = request.origin.step
    return more
