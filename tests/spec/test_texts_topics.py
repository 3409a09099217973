"""What messages are about and ask for: what the rules say is mostly right, on messages of our own."""

from __future__ import annotations

import pytest
from benchmarks.texts_topics import by_rules, messages, precision_and_recall


def test_no_category_is_right_less_than_four_times_in_five() -> None:
    found = precision_and_recall(messages()["taught"], by_rules())
    assert [name for name, (right, told, _) in found.items() if right < 0.8 * told] == []
    assert [name for name, (right, _, there) in found.items() if right < 0.8 * there] == []


def test_plain_messages_that_taught_nothing_are_read_right() -> None:
    found = precision_and_recall(messages()["held out"], by_rules()).values()
    right, told, there = (sum(one[place] for one in found) for place in range(3))
    assert right >= 0.8 * told
    assert right >= 0.8 * there


@pytest.mark.parametrize(
    "text",
    [
        "Please note that I am leaving the company on Friday",
        "How can my users cancel a booking in the portal?",
        "A customer of ours cancelled, how do I take him off the list?",
        "We do not want to cancel, we want it fixed.",
        "What is your policy on cancelled events?",
    ],
)
def test_nobody_is_said_to_cancel_who_did_not(text: str) -> None:
    assert "asks_to_cancel" not in by_rules()(text)
