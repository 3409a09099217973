"""Files as they come: pages of an API, sep= lines, structs, archives, workbooks, UTF-16, very long cells."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.errors import DataContractError
from customer_health.sources import landing
from customer_health.sources.json_pages import json_records
from customer_health.sources.text_files import BrokenLine

HELPED = """
  tickets:
    files: FILE
    columns: {ticket_id: id, account_id: account, occurred_at: opened}
"""
CSV = "id,account,opened\nt1,a1,2026-05-01\nt2,a2,2026-05-02\n"
NESTED = HELPED.replace(
    "account_id: account, occurred_at: opened",
    "account_id: properties.account, occurred_at: properties.opened",
)
PAGE = {
    "results": [
        {"id": "t1", "properties": {"account": "a1", "opened": "2026-05-01"}},
        {"id": "t2", "properties": {"account": "a2", "opened": "2026-05-02"}},
    ],
    "paging": {"next": {"after": "2"}},
}


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)  # the columnar way lands in a tenth of the time
    return CompanyFiles(tmp_path)


def tickets(company: CompanyFiles, file: str, content: str | bytes, mapping: str = HELPED) -> list[object]:
    company.write(file, content)
    company.map(MAPPING + mapping.replace("FILE", file))
    company.ingest()
    found = company.rows(f"SELECT ticket_id FROM raw.tickets WHERE _file = '{file}' ORDER BY 1")
    return [row[0] for row in found]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_page_of_an_api_is_its_records(company: CompanyFiles, indent: int | None) -> None:
    assert tickets(company, "page.json", json.dumps(PAGE, indent=indent), NESTED) == ["t1", "t2"]


def test_a_page_with_several_lists_asks_which(company: CompanyFiles) -> None:
    page = json.dumps({**PAGE, "errors": [{"id": "x"}]})
    with pytest.raises(DataContractError, match="several lists: results, errors"):
        tickets(company, "page.json", page, NESTED)
    named = NESTED.replace("files: FILE", "files: FILE\n    records: results")
    assert tickets(company, "page.json", page, named) == ["t1", "t2"]


@pytest.mark.parametrize("sign", [";", "|", "\t"])
def test_the_separator_that_excel_names_is_the_separator(company: CompanyFiles, sign: str) -> None:
    assert tickets(company, "t.csv", f"sep={sign}\n" + CSV.replace(",", sign)) == ["t1", "t2"]
    assert company.rows("SELECT min(_row) FROM raw.tickets") == [(3,)]


def test_the_fields_of_a_struct_are_named_with_dots(company: CompanyFiles) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(PAGE["results"]), file)  # type: ignore[arg-type]
    assert tickets(company, "t.parquet", file.getvalue(), NESTED) == ["t1", "t2"]


def _zip(**files: str | bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return packed.getvalue()


def test_an_archive_is_read_like_the_files_in_it(company: CompanyFiles) -> None:
    head, one, two = CSV.splitlines(keepends=True)
    assert tickets(company, "a.zip", _zip(t_csv=CSV)) == ["t1", "t2"]
    assert tickets(company, "b.zip", _zip(t1_csv=head + one, t2_csv=head + two)) == ["t1", "t2"]
    lines = [gzip.compress(json.dumps(item).encode()) for item in PAGE["results"]]
    assert tickets(company, "c.zip", _zip(t1_json_gz=lines[0]), NESTED) == ["t1"]
    with pytest.raises(DataContractError, match="another header"):
        tickets(company, "d.zip", _zip(t1_csv=head + one, t2_csv="other,columns\n1,2\n"))
    with pytest.raises(DataContractError, match="not the files of one table"):
        tickets(company, "e.zip", _zip(t1_csv=head + one, t2_json="{}"))


def test_text_of_two_bytes_a_letter_is_read_with_and_without_its_mark(company: CompanyFiles) -> None:
    for number, encoding in enumerate(("utf-16", "utf-16-le", "utf-16-be")):
        assert tickets(company, f"t{number}.csv", CSV.encode(encoding)) == ["t1", "t2"]


def test_a_very_long_cell_is_a_cell(company: CompanyFiles) -> None:
    long = (
        CSV.replace("opened\n", "opened,text\n")
        .replace("05-01\n", f"05-01,{'x' * 140_000}\n")
        .replace("05-02\n", '05-02,"a ""quote"""\n')
    )
    assert tickets(company, "t.csv", long) == ["t1", "t2"]


def test_a_workbook_is_read_as_its_sheet(company: CompanyFiles) -> None:
    """Written by hand: a workbook is a zip of XML, and no library that writes one is needed."""
    assert tickets(company, "t.xlsx", _workbook(CSV)) == ["t1", "t2"]


def _workbook(text: str) -> bytes:
    schemas = "http://schemas.openxmlformats.org"
    office, main = f"{schemas}/officeDocument/2006/relationships", f"{schemas}/spreadsheetml/2006/main"
    rows = ""
    for number, line in enumerate(text.split(), start=1):
        cells = zip("ABC", line.split(","), strict=True)
        inside = "".join(f'<c r="{c}{number}" t="inlineStr"><is><t>{v}</t></is></c>' for c, v in cells)
        rows += f'<row r="{number}">{inside}</row>'

    def points(kind: str, target: str) -> str:
        one = f'<Relationship Id="r1" Type="{office}/{kind}" Target="{target}"/>'
        return f'<Relationships xmlns="{schemas}/package/2006/relationships">{one}</Relationships>'

    sheets = '<sheets><sheet name="Tickets" sheetId="1" r:id="r1"/></sheets>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{schemas}/package/2006/content-types"/>')
        archive.writestr("_rels/.rels", points("officeDocument", "xl/workbook.xml"))
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}">{sheets}</workbook>'
        )
        archive.writestr("xl/_rels/workbook.xml.rels", points("worksheet", "worksheets/sheet1.xml"))
        archive.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return packed.getvalue()


def test_a_lookup_with_two_answers_names_both(company: CompanyFiles) -> None:
    company.write("owners.csv", "org,account\no1,a1\no1,a2\n")
    lookup = "{column: account, lookup: {file: owners.csv, key: org, value: account}}"
    mapping = HELPED.replace("account_id: account", f"account_id: {lookup}")
    with pytest.raises(DataContractError, match="two answers for org 'o1': account 'a1' and 'a2'"):
        tickets(company, "t.csv", CSV, mapping)


VALUES = st.one_of(st.none(), st.text(max_size=5), st.integers())
RECORDS = st.lists(st.dictionaries(st.sampled_from(["id", "name", "n"]), VALUES, min_size=1), min_size=1)


@given(RECORDS)
def test_records_are_the_same_however_json_holds_them(records: list[dict[str, object]]) -> None:
    def read(text: str) -> list[object]:
        found = json_records(io.StringIO(text), None, "x.json")
        return [item[1] for item in found if not isinstance(item, BrokenLine)]

    one_a_line = read("\n".join(json.dumps(record) for record in records))
    page = {"next": None, "results": records}
    assert one_a_line == read(json.dumps(records)) == read(json.dumps(page, indent=1))
