"""How often the offline rules are right about what a message is about and what it asks for.

    python -m benchmarks.texts_topics

The messages are ours (tests/data/messages.txt), labelled before the rules read them. Those of the first
part have suggested rules since; those held out have not. Precision: of the messages for which a category is
reported, the share that belong to it. Recall: of those that belong to it, the share that are reported. The
floor is a search for the category's plain word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from customer_health.text_config import TextsConfig
from customer_health.texts.offline import OfflineReader
from customer_health.texts.topics import INTENTS, REASONS

MESSAGES = Path(__file__).parents[1] / "tests" / "data" / "messages.txt"
LEAST = TextsConfig().min_confidence
PLAIN = {
    "missing_feature": "missing", "price": "price", "reliability": "fail", "support": "support",
    "champion_change": "left", "competitor": "competitor", "no_longer_needed": "no longer", "merger": "merge",
    "asks_to_cancel": "cancel", "asks_for_export": "export", "asks_for_discount": "discount",
    "names_competitor": "competitor",
}  # fmt: skip

Labelled = list[tuple[str, frozenset[str]]]


def messages() -> Mapping[str, Labelled]:
    """Return messages and their categories: those that taught rules, and those held out."""
    found: dict[str, Labelled] = {"taught": [], "held out": []}
    part = "taught"
    for line in MESSAGES.read_text("utf-8").splitlines():
        if line.startswith("#"):
            part = "held out" if line == "# held out" else part
            continue
        kinds, _, text = line.partition("|")
        found[part].append((text, frozenset(kinds.split(",")) - {"-"}))
    return found


def precision_and_recall(
    rows: Labelled, read: Callable[[str], frozenset[str]]
) -> Mapping[str, tuple[int, int, int]]:
    """Return by category: how many were right, how many reported, how many there are."""
    said = [(read(text), kinds) for text, kinds in rows]
    return {
        name: (
            sum(name in told and name in kinds for told, kinds in said),
            sum(name in told for told, _ in said),
            sum(name in kinds for _, kinds in said),
        )
        for name in (*REASONS, *INTENTS)
    }


def by_rules() -> Callable[[str], frozenset[str]]:
    """Return the product's own reading: categories with enough confidence."""
    reader = OfflineReader()

    def read(text: str) -> frozenset[str]:
        reading = reader.read(text)
        told = {**reading.reasons, **reading.intents}
        return frozenset(name for name, confidence in told.items() if confidence >= LEAST)

    return read


def by_word(text: str) -> frozenset[str]:
    """The floor: a category's plain word occurs."""
    return frozenset(name for name, word in PLAIN.items() if word in text.lower())


def main() -> None:
    """Print a table for each part."""
    for part, rows in messages().items():
        print(f"\n{len(rows)} messages, {part}\n")
        print("| Category | Precision | Recall | Precision of the plain word | Recall |\n" + "|---" * 5 + "|")
        ours, floor = precision_and_recall(rows, by_rules()), precision_and_recall(rows, by_word)
        for name, (right, told, there) in ours.items():
            plain = floor[name]
            cells = [
                f"{right}/{told}",
                f"{right}/{there}",
                f"{plain[0]}/{plain[1]}",
                f"{plain[0]}/{plain[2]}",
            ]
            print(f"| {name} | {' | '.join(cells)} |")
        total = [sum(one[place] for one in ours.values()) for place in range(3)]
        print(f"\nTogether: precision {total[0] / total[1]:.2f}, recall {total[0] / total[2]:.2f}.")


if __name__ == "__main__":
    main()
