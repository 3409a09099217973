"""What a draft proposes and asks where a column could be read wrongly."""

from __future__ import annotations

from pathlib import Path

from customer_health.sources.draft import draft_mapping

ACCOUNTS = "account_id,name,created\na1,Ann,2024-01-01\na2,Bob,2024-01-01\n"


def drafted(folder: Path, **files: str) -> str:
    for name, content in {"accounts": ACCOUNTS, **files}.items():
        if content:
            (folder / f"{name}.csv").write_text(content)
    return draft_mapping(folder)


def test_states_of_stripe_are_proposed_and_not_left_out(tmp_path: Path) -> None:
    text = drafted(
        tmp_path,
        subscriptions="id,customer,mrr,status,start_date\ns1,a1,1050,trialing,2024-01-31\ns2,a2,99,past_due,2024-01-31\n",
        invoices="id,customer,amount_due,currency,status,created,due_date\n"
        "i1,a1,120000,usd,void,2024-02-01,2024-03-01\ni2,a2,500,jpy,uncollectible,2024-02-01,2024-03-01\n",
    )
    assert "status: {column: status, values: {past_due: active, trialing: trial}}" in text
    assert "      status: status\n" in text
    assert "amount: amount_due  # TODO or are these cents? then `minor_units: true`" in text


def test_a_word_for_a_state_that_nobody_knows_is_asked_about(tmp_path: Path) -> None:
    tickets = "ticket_id,account_id,opened,status\nt1,a1,2024-02-01,closed\nt2,a2,2024-02-01,zurückgestellt\n"
    text = drafted(tmp_path, tickets=tickets)
    assert 'status: {column: status, values: {"zurückgestellt": TODO}}  # TODO one of open, pending' in text


def test_a_stage_that_nothing_tells_is_asked_about(tmp_path: Path) -> None:
    text = drafted(tmp_path, tickets="ticket_id,account_id,opened\nt1,a1,2024-02-01\n")
    assert "# TODO nothing tells resolved_at: what depends on it stays unknown" in text


def test_addresses_are_read_in_one_case_and_events_by_their_id(tmp_path: Path) -> None:
    events = "insert_id,account_id,user,event,time\n" + "".join(
        f"e{n},a1,Kim{n}@acme.com,open,2024-02-0{n}\n" for n in range(1, 5)
    )
    text = drafted(tmp_path, events=events)
    assert "user_id: {column: user, lower: true}" in text
    assert "event_id: insert_id  # an event that comes again counts once" in text


def test_accounts_that_show_only_in_subscriptions_are_found_there(tmp_path: Path) -> None:
    text = drafted(
        tmp_path,
        accounts="",
        subscriptions="id,customer,mrr,start_date\ns1,a1,10.5,2024-01-31\ns2,a1,5.5,2024-03-31\n",
    )
    assert "combine: earliest" in text
    assert "account_id: customer\n        occurred_at: start_date" in text


def test_answers_are_linked_by_the_id_whose_values_are_found(tmp_path: Path) -> None:
    text = drafted(
        tmp_path,
        people="contact_id,account_id,email,created\nc1,a1,x@y.z,2024-01-01\nc2,a2,v@y.z,2024-01-01\n",
        nps="response_id,contact_id,score,answered_at\n1,c1,9,2024-02-01\n2,c2,3,2024-02-01\n",
        tickets="ticket_id,account_id,response_id,opened\nt1,a1,77,2024-02-01\n",
    )
    wanted = (
        "account_id: {column: contact_id, lookup: {file: people.csv, key: contact_id, value: account_id}}"
    )
    assert f"{wanted}  # 2 of 2 sampled values are found there" in text


def test_rows_that_sell_something_else_than_seats_are_asked_about(tmp_path: Path) -> None:
    head = "id,customer,item,quantity,mrr,start_date\n"
    sold = head + "s1,a1,Seats,10,10.5,2024-01-31\ns2,a1,Storage (GB),500,5.5,2024-01-31\n"
    assert "# TODO are all rows seats? item holds Storage (GB)" in drafted(tmp_path, subscriptions=sold)


def test_the_draft_says_how_many_rows_each_proposal_reads(tmp_path: Path) -> None:
    good = "".join(f"t{n},a1,2024-02-{n % 28 + 1:02}\n" for n in range(40))
    text = drafted(tmp_path, tickets="ticket_id,account_id,opened\n" + good + "t99,a1,soon\n")
    assert "# reads 2 of the 2 rows" in text
    assert "# TODO reads 40 of the 41 rows; occurred_at cannot be read as a time" in text


def test_each_file_is_looked_at_once_and_said_so(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text(ACCOUNTS)
    for number in range(20):
        (tmp_path / f"tickets_{number}.csv").write_text("ticket_id,account_id,opened\nt1,a1,2024-02-01\n")
    told: list[str] = []
    draft_mapping(tmp_path, progress=lambda done, total, message: told.append(f"{done}/{total} {message}"))
    assert told == [
        "0/21 looking at accounts.csv",
        *(f"{n + 1}/21 looking at tickets_{n}.csv" for n in range(20)),
        "21/21 drafting",
    ]


def test_deals_that_were_lost_are_not_proposed_as_contracts(tmp_path: Path) -> None:
    deals = (
        "dealid,account_id,amount,closedate,dealstage\n1,a1,12000,2025-01-10,closedwon\n"
        "2,a2,24000,2025-02-10,closedlost\n3,a2,9000,2027-02-10,qualifiedtobuy\n"
    )
    text = drafted(tmp_path, contracts=deals)
    assert "      where: {dealstage: [closedwon]}  # TODO only deals that were won?\n" in text


def test_states_that_are_numbers_are_asked_about(tmp_path: Path) -> None:
    """Freshdesk tells states by numbers: nobody's to guess, and not to be left out."""
    tickets = "id,account_id,opened,status\n1,a1,2024-02-01,2\n2,a2,2024-02-01,5\n"
    text = drafted(tmp_path, tickets=tickets)
    assert 'status: {column: status, values: {"2": TODO, "5": TODO}}  # TODO one of open, pending' in text


def test_an_id_of_events_that_comes_twice_is_still_the_id(tmp_path: Path) -> None:
    events = "uuid,account_id,user,event,time\n" + "".join(
        f"e{min(n, 3)},a1,u{n},open,2024-02-0{n}\n" for n in range(1, 5)
    )
    assert "event_id: uuid" in drafted(tmp_path, events=events)
    kinds = events.replace("e1", "e3").replace("e2", "e3")
    assert "event_id: uuid" not in drafted(tmp_path, events=kinds)


def test_answers_to_a_satisfaction_survey_are_not_taken_for_nps(tmp_path: Path) -> None:
    answers = "id,account_id,score,created_at\n1,a1,8,2024-02-01\n2,a2,10,2024-02-01\n"
    text = drafted(tmp_path, csat_responses=answers)
    assert "kind: {constant: csat}" in text
    assert (
        "score: {column: score, rescale: {from: [1, 10], to: [1, 5]}}  # TODO is 10 the best answer" in text
    )
    (tmp_path / "csat_responses.csv").unlink()
    assert "kind: {constant: nps}\n" in drafted(tmp_path, nps_responses=answers)
    (tmp_path / "nps_responses.csv").unlink()
    assert "kind: {constant: nps}  # TODO nps, or csat?" in drafted(tmp_path, survey_responses=answers)


def test_files_that_come_every_month_are_one_feed(tmp_path: Path) -> None:
    head = "account_id,user_id,date,feature,events\n"
    text = drafted(
        tmp_path,
        **{
            "usage_2024-01": f"{head}a1,u1,2024-01-31,x,1\n",
            "usage_2024-02": f"{head}a1,u1,2024-02-01,x,1\n",
        },
    )
    assert 'files: "usage_*.csv"' in text
    assert "usage_2024-01.csv" not in text


def test_columns_of_one_name_are_asked_about(tmp_path: Path) -> None:
    rows = "c1,x,a1,1.5,2.5,2024-01-01\nc2,y,a2,1.5,2.5,2024-01-01\n"
    text = drafted(tmp_path, contracts="id,ID,account_id,arr,arr,start\n" + rows)
    assert "contract_id: id  # TODO or is it ID?" in text
    assert "  # TODO or is it arr_" in text


def test_numbers_of_states_are_read_where_the_file_is_freshdesks_and_asked_about_elsewhere(
    tmp_path: Path,
) -> None:
    rows = "t1,a1,2,4,2026-01-01,\nt2,a2,5,1,2026-01-01,\n"
    head = "id,account_id,status,priority,created_at,agent\n"
    text = drafted(tmp_path, freshdesk_tickets=head + rows)
    assert 'status: {column: status, values: {"2": open, "5": closed}}\n' in text
    assert 'priority: {column: priority, values: {"1": low, "4": critical}}\n' in text
    (tmp_path / "freshdesk_tickets.csv").unlink()
    text = drafted(tmp_path, tickets=head + rows)
    assert 'values: {"2": TODO, "5": TODO}}' in text
    assert 'if they are Freshdesk\'s: {"2": open, "5": closed}' in text
    assert "4 is the most urgent in Freshdesk" in text


def test_plans_are_ranked_by_what_they_cost_and_by_name_only_for_want_of_prices(tmp_path: Path) -> None:
    """Pro costs less than Team here; a year's price is compared with twelve months'."""
    head = "id,customer,plan,{}start_date\n"
    priced = (
        "s1,a1,team,year,1000,2024-01-31\ns2,a2,pro,month,50,2024-01-31\ns3,a1,starter,month,10,2024-01-31\n"
    )
    text = drafted(tmp_path, subscriptions=head.format("interval,amount,") + priced)
    assert "values: {starter: 1, pro: 2, team: 3}}" in text
    assert "by their median price a year: starter 120, pro 600, team 1,000" in text
    bare = "s1,a1,team,2024-01-31\ns2,a2,pro,2024-01-31\ns3,a1,starter,2024-01-31\n"
    text = drafted(tmp_path, subscriptions=head.format("") + bare)
    assert "values: {starter: 1, team: 2, pro: 3}}  # TODO check the order, by their names only" in text
