"""A company's own language: columns, states and numbers as they are written in Lisbon, Lyon or Osaka."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.lib.files import CompanyFiles

from customer_health.sources.draft import draft_mapping
from customer_health.sources.draft_words import plain, vocabulary

pytestmark = pytest.mark.usefixtures("in_columns")

# Language -> (accounts, contracts, tickets or invoices); what the first row says is the same everywhere.
COMPANIES = {
    "Portuguese": (
        "Código do cliente;Razão social;Porte;Data de cadastro\nC1;Alfa;Pequeno;15/01/2024\n",
        "Número do contrato;Código do cliente;Plano;Licenças;Valor anual;Moeda;Data de início;"
        "Data de término;Renovação automática;Situação\n"
        "K1;C1;Pro;5;R$ 12.000,50;BRL;15/01/2024;14/01/2027;Sim;Ativo\n",
        "Número do chamado;Código do cliente;Prioridade;Situação;Aberto em;Resolvido em\n"
        "1;C1;Alta;Resolvido;15/01/2026 10:00;16/01/2026 09:00\n",
    ),
    "Spanish": (
        "ID de cliente;Razón social;Tamaño;Fecha de alta\nC1;Alfa;Pyme;15/01/2024\n",
        "Número de contrato;ID de cliente;Plan;Licencias;Importe anual;Moneda;Fecha de inicio;"
        "Fecha de renovación;Renovación automática;Estado\n"
        "K1;C1;Pro;5;12.000,50;EUR;15/01/2024;14/01/2027;Sí;Vigente\n",
        "Número de incidencia;ID de cliente;Prioridad;Estado;Fecha de creación;Fecha de cierre\n"
        "1;C1;Alta;Resuelto;15/01/2026 10:00;16/01/2026 09:00\n",
    ),
    "French": (
        "Code client;Raison sociale;Taille;Date de création\nC1;Alfa;PME;15/01/2024\n",
        "N° contrat;Code client;Offre;Nb licences;Montant annuel;Devise;Date de début;Date de fin;"
        "Reconduction tacite;Statut\nK1;C1;Pro;5;12 000,50;EUR;15/01/2024;14/01/2027;Oui;En cours\n",
        "Numéro ticket;Code client;Priorité;Statut;Créé le;Résolu le\n"
        "1;C1;Élevée;Résolu;15/01/2026 10:00;16/01/2026 09:00\n",
    ),
    "German": (
        "Kundennummer;Firma;Größe;Kunde seit\nC1;Alfa;Klein;15.01.2024\n",
        "Vertragsnummer;Kundennummer;Tarif;Lizenzen;Jahresbetrag;Währung;Vertragsbeginn;Vertragsende;"
        "Automatische Verlängerung;Status\nK1;C1;Pro;5;12.000,50;EUR;15.01.2024;14.01.2027;Ja;Aktiv\n",
        "Ticketnummer;Kundennummer;Priorität;Status;Erstellt am;Gelöst am\n"
        "1;C1;Hoch;Gelöst;15.01.2026 10:00;16.01.2026 09:00\n",
    ),
    "Italian": (
        "Codice cliente;Ragione sociale;Dimensione;Data creazione\nC1;Alfa;PMI;15/01/2024\n",
        "Numero contratto;Codice cliente;Piano;Licenze;Canone annuo;Valuta;Data inizio;Data scadenza;"
        "Rinnovo automatico;Stato\nK1;C1;Pro;5;12.000,50;EUR;15/01/2024;14/01/2027;Sì;Attivo\n",
        "Numero segnalazione;Codice cliente;Priorità;Stato;Aperto il;Risolto il\n"
        "1;C1;Alta;Risolto;15/01/2026 10:00;16/01/2026 09:00\n",
    ),
    "Dutch": (
        "Klantnummer;Bedrijfsnaam;Grootte;Klant sinds\nC1;Alfa;MKB;15-01-2024\n",
        "Contractnummer;Klantnummer;Pakket;Aantal licenties;Jaarbedrag;Valuta;Ingangsdatum;Einddatum;"
        "Automatische verlenging;Status\nK1;C1;Pro;5;12.000,50;EUR;15-01-2024;14-01-2027;Ja;Actief\n",
        "Meldingnummer;Klantnummer;Prioriteit;Status;Aangemaakt op;Opgelost op\n"
        "1;C1;Hoog;Opgelost;15-01-2026 10:00;16-01-2026 09:00\n",
    ),
    "Japanese": (
        "顧客ID,会社名,企業規模,登録日\nC1,アルファ,中小,2024/01/15\n",
        "契約番号,顧客ID,プラン,ライセンス数,年額,通貨,契約開始日,契約終了日,自動更新,契約状態\n"
        'K1,C1,プロ,５,"12,000.50円",JPY,2024年1月15日,2027年1月14日,はい,契約中\n',
        "問い合わせ番号,顧客ID,優先度,ステータス,受付日時,解決日時\n"
        "1,C1,高,解決済み,2026/01/15 10:00,2026/01/16 09:00\n",
    ),
}


@pytest.mark.parametrize("language", COMPANIES)
def test_a_company_is_drafted_in_its_own_language(tmp_path: Path, language: str) -> None:
    """Every column of three files finds its place, whatever the files are called."""
    for name, content in zip(("customers", "contracts", "tickets"), COMPANIES[language], strict=True):
        (tmp_path / f"{name}.csv").write_text(content, encoding="utf-8")
    text = draft_mapping(tmp_path)
    assert "not used" not in text
    tables = yaml.safe_load(text)["tables"]
    (account,), (contract,), (ticket,) = (tables[name] for name in ("accounts", "contracts", "tickets"))
    assert set(account["columns"]) == {"account_id", "name", "segment", "occurred_at"}
    assert list(account["columns"]["segment"]["values"].values()) == ["smb"]
    assert set(contract["columns"]) == {
        "contract_id", "account_id", "plan", "seats", "arr", "currency", "term_start", "term_end",
        "auto_renew", "occurred_at",
    }  # fmt: skip
    assert list(contract["status"]["values"].values()) == ["active"]
    assert set(ticket["columns"]) == {"ticket_id", "account_id", "priority", "resolved_at", "occurred_at"}
    assert list(ticket["columns"]["priority"]["values"].values()) == ["high"]
    assert list(ticket["status"]["values"].values()) == ["solved"]
    assert text.count("# reads 1 of the 1 row") == 3


def test_a_japanese_company_loads_as_it_was_drafted(tmp_path: Path) -> None:
    company = CompanyFiles(tmp_path)
    for name in ("accounts", "contracts", "usage"):
        (company.data / f"{name}.csv").unlink()
    accounts, contracts, tickets = COMPANIES["Japanese"]
    company.write("顧客.csv", accounts.replace("C1", "１０１"))
    company.write("契約.csv", contracts.replace("C1", "101").replace('"12,000.50円"', "1.2万円"))
    company.write("問い合わせ.csv", tickets.replace("C1", "１０１"))
    company.mapping.write_text(draft_mapping(company.data), encoding="utf-8")
    company.load()
    assert company.quarantine() == []
    assert company.ids("tickets", "account_id") == ["101"]
    assert company.rows(
        "SELECT account_id, seats, arr, currency, CAST(term_end AS VARCHAR), auto_renew FROM raw.contracts"
    ) == [("101", 5, 12_000, "JPY", "2027-01-14", True)]


def test_no_word_means_two_states_of_one_table() -> None:
    """A draft cannot ask about a word that one language took for another's."""
    for table, states in vocabulary().states.items():
        told = [word for words in states.values() for word in words]
        assert sorted({word for word in told if told.count(word) > 1}) == [], table


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Account ID", "account_id"), ("accountId", "account_id"), ("Número do Cliente", "numero_do_cliente"),
        ("Größe", "groesse"), ("ＩＤ", "id"), ("顧客ID", "顧客id"), ("ガイド", "ガイド"), ("ｶﾞｲﾄﾞ", "ガイド"),
    ],
)  # fmt: skip
def test_names_are_compared_without_case_accents_and_width(written: str, read: str) -> None:
    assert plain(written) == read
