"""Slack's limits, checked before anything is sent, and the message as a person would read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

BLOCKS_MOST = 50
HEADER_MOST = 150
SECTION_MOST = 3000
FIELD_MOST = 2000
FIELDS_MOST = 10
TEXT_MOST = 4000
TITLE_MOST = 50
CATEGORIES_MOST = 20
_DATE = re.compile(r"<!date\^\d+\^[^<>|]*\|([^<>]*)>")
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def problems(message: Mapping[str, Any]) -> list[str]:
    """Return everything that Slack would refuse or that could mislead a reader; empty when it is fine."""
    found: list[str] = []
    blocks = message.get("blocks", [])
    if not 1 <= len(blocks) <= BLOCKS_MOST:
        found.append(f"{len(blocks)} blocks, at most {BLOCKS_MOST}")
    if not 1 <= len(message.get("text", "")) <= TEXT_MOST:
        found.append(f"text of {len(message.get('text', ''))} characters")
    found += _unsafe("text", message.get("text", ""))
    for number, block in enumerate(blocks):
        where = f"block {number} ({block.get('type')})"
        match block.get("type"):
            case "header":
                found += _text(where, block.get("text"), HEADER_MOST, "plain_text")
            case "section":
                if "text" in block:
                    found += _text(where, block["text"], SECTION_MOST, "mrkdwn")
                fields = block.get("fields", [])
                if len(fields) > FIELDS_MOST or ("text" not in block and not fields):
                    found.append(f"{where}: {len(fields)} fields")
                for field in fields:
                    found += _text(where, field, FIELD_MOST, "mrkdwn")
            case "context":
                elements = block.get("elements", [])
                if not 1 <= len(elements) <= 10:
                    found.append(f"{where}: {len(elements)} elements")
                for element in elements:
                    found += _text(where, element, SECTION_MOST, "mrkdwn")
            case "actions":
                found += _buttons(where, block.get("elements", []))
            case "divider":
                pass
            case "data_visualization":
                found += _chart(where, block)
            case other:
                found.append(f"{where}: unknown type {other}")
    return found


def _text(where: str, value: Any, most: int, kind: str) -> list[str]:
    if not isinstance(value, dict) or value.get("type") != kind:
        return [f"{where}: expected {kind}"]
    text = value.get("text", "")
    found = [] if 1 <= len(text) <= most else [f"{where}: {len(text)} characters, at most {most}"]
    if kind == "mrkdwn" and value.get("verbatim") is not True:
        found.append(f"{where}: not verbatim, so Slack would link names and addresses automatically")
    return found + _unsafe(where, text)


def _buttons(where: str, elements: list[Any]) -> list[str]:
    found = [] if 1 <= len(elements) <= 25 else [f"{where}: {len(elements)} elements"]
    names = [element.get("action_id") for element in elements]
    if len(set(names)) < len(names):
        found.append(f"{where}: two elements of one action_id")
    for element in elements:
        found += _text(where, element.get("text"), 75, "plain_text")
        url = element.get("url", "https://")
        if not url.startswith("https://") or len(url) > 3000:
            found.append(f"{where}: '{url[:40]}' is not an address")
    return found


def _unsafe(where: str, text: str) -> list[str]:
    found = []
    if re.search("[<>]", _DATE.sub("", text)):
        found.append(f"{where}: a raw < or >")
    if _HIDDEN.search(text):
        found.append(f"{where}: a control or invisible character")
    return found


def _chart(where: str, block: Mapping[str, Any]) -> Iterator[str]:
    chart = block.get("chart", {})
    labels = chart.get("axis_config", {}).get("categories", [])
    if not 1 <= len(block.get("title", "")) <= TITLE_MOST:
        yield f"{where}: title of {len(block.get('title', ''))} characters, at most {TITLE_MOST}"
    if not 1 <= len(labels) <= CATEGORIES_MOST or len(set(labels)) < len(labels):
        yield f"{where}: {len(labels)} labels, at most {CATEGORIES_MOST}, each once"
    if not 1 <= len(chart.get("series", [])) <= 6:
        yield f"{where}: {len(chart.get('series', []))} series, at most 6"
    for series in chart.get("series", []):
        if [point["label"] for point in series["data"]] != list(labels):
            yield f"{where}: the points of {series['name']} do not match the labels"
    yield from (f"{where}: a label is longer than 20" for label in labels if len(label) > 20)


def as_markdown(message: Mapping[str, Any]) -> str:
    """Return the message roughly as Slack shows it."""
    return "\n\n".join([f"`{message['channel']}`", *_paragraphs(message)]) + "\n"


def _paragraphs(message: Mapping[str, Any]) -> Iterator[str]:
    for block in message["blocks"]:
        match block["type"]:
            case "header":
                yield f"## {_shown(block['text']['text'])}"
            case "section":
                if "text" in block:
                    yield _shown(block["text"]["text"])
                if fields := block.get("fields"):
                    pairs = [_shown(field["text"]).split("\n", 1) for field in fields]
                    yield "\n".join(f"- {name}: {value}" for name, value in pairs)
            case "data_visualization":
                points = block["chart"]["series"][0]["data"]
                yield f"*{block['title']}:* " + " ".join(str(point["value"]) for point in points)
            case "actions":
                yield " ".join(
                    f"[{_shown(one['text']['text'])}]({one.get('url', '')})" for one in block["elements"]
                )
            case "context":
                yield "---\n" + "\n".join(_shown(element["text"]) for element in block["elements"])


def _shown(text: str) -> str:
    bold = re.sub(r"(?m)\*([^*\n]+)\*", r"**\1**", _DATE.sub(r"\1", text))
    return bold.replace("&amp;", "&")
