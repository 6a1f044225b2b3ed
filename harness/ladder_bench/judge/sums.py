"""Sums: calculations that an answer writes out, such as 24 + 56 or 12 x 7 = 84."""

from __future__ import annotations

import regex

from ladder_bench.judge.quantities import quantities


def written_out(text: str) -> tuple[float, ...]:
    """What the sums that a text writes out come to."""
    if not OPERATOR.search(text):
        return ()
    return tuple(
        _evaluated(numbers, operators)
        for match in _EXPRESSION.finditer(text)
        for numbers, operators in [_operands(match[0])]
        if len(numbers) == len(operators) + 1
    )


def _operands(expression: str) -> tuple[list[float], list[str]]:
    numbers = [quantity.written for quantity in quantities(expression)]
    return numbers, [operator.strip() for operator in _SPACED_OPERATOR.findall(expression)]


def _evaluated(numbers: list[float], operators: list[str]) -> float:
    terms = [numbers[0]]
    for operator, number in zip(operators, numbers[1:], strict=True):
        if operator in "+-−–":
            terms.append(number if operator == "+" else -number)
        else:
            terms[-1] = terms[-1] / (number or 1.0) if operator in "/÷" else terms[-1] * number
    return sum(terms)


OPERATOR = regex.compile(r"[+\-−–*×x·/÷]")
_SPACED_OPERATOR = regex.compile(r"\s[+\-−–]\s|\s?[+*×·/÷]\s?|\sx\s")
_EXPRESSION = regex.compile(
    r"[$€£]?\d[\d.,]*+%?(?:\s[a-zA-Z]{1,12})?"
    r"(?:(?:\s[+\-−–]\s|\s?[+*×·/÷]\s?|\sx\s)[$€£]?\d[\d.,]*+%?(?:\s(?!x\s)[a-zA-Z]{1,12})?){1,12}"
)
