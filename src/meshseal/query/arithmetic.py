"""Arithmetic on two numbers, as the metric languages have it."""

from __future__ import annotations


def calculate(op: str, left: float, right: float) -> float:
    """Return what an operation gives on two numbers, as IEEE 754 has it."""
    try:
        return {
            "+": lambda: left + right,
            "-": lambda: left - right,
            "*": lambda: left * right,
            "/": lambda: left / right,
            "%": lambda: float(left - right * int(left / right)),
            "^": lambda: float(left**right),
            "==": lambda: float(left == right),
            "!=": lambda: float(left != right),
            ">": lambda: float(left > right),
            ">=": lambda: float(left >= right),
            "<": lambda: float(left < right),
            "<=": lambda: float(left <= right),
        }[op]()
    except ZeroDivisionError:
        zero = left == 0 or op == "%"
        return float("nan") if zero else float("inf") if left > 0 else float("-inf")
    except (OverflowError, ValueError, TypeError):
        return float("nan")
