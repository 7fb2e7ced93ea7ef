"""Bugs where people are told: what is written down first, told once, to whom, where nothing is sent, and what acts there."""

from guards.planting import Bug, Bugs

SHELL, NOTIFIERS = "operator/stanch/shell", "operator/stanch/notifiers"
COURIER, WAY_OUT, BOOK = f"{SHELL}/courier.py", f"{SHELL}/way_out.py", f"{SHELL}/policy_book.py"
SLACK, MAIL, WEBHOOK, PAGER = (f"{NOTIFIERS}/{name}.py" for name in ("slack", "mail", "webhook", "pager_duty"))
OUTBOX, NOTICES, ADDRESSES = "outbox.py", "notices.py", "addresses.py"
PAGE, SHOWN = "operator/stanch/cli/status_page", "cli/test_status_page.py"
TOLD, TELLS, OUT = "test_outbox.py", "shell/test_courier.py", "shell/test_way_out.py"

BUGS: Bugs = {
    "channels: written down first": (
        Bug(
            "counts as told what was never written down",
            OUTBOX,
            "                    state=DeliveryState.PENDING,\n",
            "                    state=DeliveryState.SENT,\n",
            f"{TOLD}::test_what_is_declared_waits_for_each_channel_that_hears_it",
        ),
        Bug(
            "forgets after a restart what it has told",
            OUTBOX,
            '        return message.model_copy(update={"state": DeliveryState.SENT, "next_time": None, "why": None})',
            "        return message",
            f"{TELLS}::test_a_restart_sends_only_what_has_no_receipt",
        ),
        Bug(
            "sends again what is only not written down yet",
            COURIER,
            "        if told or not due or busy:",
            "        if not due or busy:",
            f"{TELLS}::test_what_is_known_here_is_not_sent_again_while_it_is_being_written",
        ),
        Bug(
            "counts the same answer at each look",
            OUTBOX,
            " or delivery.tries != message.tries:",
            ":",
            f"{TOLD}::test_an_answer_counts_once",
        ),
        Bug(
            "lets the end overtake the beginning",
            COURIER,
            "        first.setdefault(message.channel, message)",
            "        first.setdefault(message.key, message)",
            f"{TELLS}::test_a_bad_day_loses_nothing_and_repeats_nothing",
        ),
        Bug(
            "takes channels for none while they are not read",
            BOOK,
            "return replace(found, channels=None) if self.problem else found",
            "return found",
            "shell/test_policy_book.py::test_while_it_is_not_read_nobody_knows_whom_to_tell",
        ),
        Bug(
            "closes over what is still to be told",
            OUTBOX,
            "        draft.close = False\n",
            "        pass\n",
            f"{TOLD}::test_the_label_waits_for_the_last_word_and_no_decision_does",
        ),
    ),
    "channels: nothing is lost in silence": (
        Bug(
            "gives up without a word",
            OUTBOX,
            "        draft.say(EventKind.NOT_DELIVERED, ",
            "        (lambda *_, **__: None)(EventKind.NOT_DELIVERED, ",
            f"{TOLD}::test_after_an_hour_it_is_given_up_and_said",
        ),
        Bug(
            "tries for ever",
            OUTBOX,
            "GIVE_UP: Final = timedelta(hours=1)",
            "GIVE_UP: Final = timedelta(days=900)",
            f"{TELLS}::test_one_that_lies_is_believed_in_nothing",
        ),
        Bug(
            "pushes out the messages of others",
            OUTBOX,
            "fullest = Counter(m.channel for m in waiting).most_common(1)[0][0]",
            "fullest = Counter(m.channel for m in waiting).most_common()[-1][0]",
            f"{TOLD}::test_a_dead_channel_pushes_out_only_its_own",
        ),
        Bug(
            "believes a 200 that says no",
            SLACK,
            '    if said.get("ok") is not True:',
            "    if False:",
            f"{TELLS}::test_one_that_lies_is_believed_in_nothing",
        ),
        Bug(
            "lets one that stalls take all connections",
            COURIER,
            "self._turns.get(name, 0) >= AT_ONCE_EACH or ",
            "self._turns.get(name, 0) >= AT_ONCE_EACH or self._tasks or ",
            f"{TELLS}::test_one_that_stalls_holds_up_no_other_and_no_decision",
        ),
    ),
    "channels: who hears what": (
        Bug(
            "tells the public by itself",
            NOTICES,
            "_HOUSE: Final = frozenset({Audience.INTERNAL, Audience.LEADERSHIP})",
            "_HOUSE: Final = frozenset(Audience)",
            f"{TOLD}::test_who_hears_what",
        ),
        Bug(
            "tells the public what is for the house",
            NOTICES,
            "    Audience.INTERNAL: _INTERNAL,\n    Audience.LEADERSHIP",
            "    Audience.INTERNAL: frozenset(Audience),\n    Audience.LEADERSHIP",
            f"{TOLD}::test_an_update_goes_to_whom_it_is_for_and_to_the_house",
        ),
        Bug(
            "shows the public the record",
            WEBHOOK,
            "    if not public:\n",
            "    if True:\n",
            "notifiers/test_webhook.py::test_the_public_gets_what_was_written_for_it_and_no_more",
        ),
        Bug(
            "tells whatever stands in an entry of that name by now",
            COURIER,
            " or said.audience is not audience:",
            ":",
            f"{TELLS}::test_words_that_are_not_those_that_were_given_are_not_told",
        ),
        Bug(
            "pages again for what is over",
            OUTBOX,
            "    if line.kind == EventKind.SEVERITY_CHANGED and over:",
            "    if False:",
            f"{TOLD}::test_what_is_over_is_not_paged_again",
        ),
        Bug(
            "tells of the beginning and not of the end",
            OUTBOX,
            " or channel.name in by_name\n",
            "\n",
            f"{TOLD}::test_who_heard_of_it_hears_of_its_end",
        ),
        Bug(
            "pages for a drill",
            OUTBOX,
            "    if draft.incident.spec.drill:\n",
            "    if False:\n",
            f"{TOLD}::test_a_drill_tells_nobody",
        ),
    ),
    "channels: where nothing is sent": (
        Bug(
            "connects to where a name leads, whatever that is",
            WAY_OUT,
            '            if why := why_not(each["host"], host == self._private):',
            "            if why := None:",
            f"{OUT}::test_a_name_that_stands_for_something_inside_is_refused",
        ),
        Bug(
            "takes an address in odd letters for a name",
            WAY_OUT,
            '    if why := wrong_host(url.raw_host or "", private_host):',
            "    if why := None:",
            f"{OUT}::test_an_address_in_odd_letters_is_that_address",
        ),
        Bug(
            "takes an address for what it is dressed up as",
            ADDRESSES,
            "    return address.ipv4_mapped or address.sixtofour or address",
            "    return address",
            "test_addresses.py::test_link_local_is_never_told",
        ),
        Bug(
            "lets the policy name where clouds keep credentials",
            ADDRESSES,
            "known.is_link_local",
            "(known.is_link_local and not inside)",
            "test_addresses.py::test_link_local_is_never_told",
        ),
        Bug(
            "follows redirects",
            WAY_OUT,
            "allow_redirects=False",
            "allow_redirects=True",
            f"{OUT}::test_redirects_are_not_followed",
        ),
        Bug(
            "reads an answer of any size",
            WAY_OUT,
            "            if len(kept) > BODY_MAX:",
            "            if False:",
            f"{OUT}::test_an_answer_without_an_end_is_not_waited_for",
        ),
        Bug(
            "shows the URL where something goes wrong",
            WAY_OUT,
            'return "its name stands for no address"',
            'return f"its name stands for no address: {error}"',
            f"{OUT}::test_what_goes_wrong_is_said_without_the_url",
        ),
        Bug(
            "gives a password to a relay without TLS",
            WAY_OUT,
            'start_tls=letter.tls == "StartTLS"',
            "start_tls=None",
            f"{OUT}::test_without_tls_nothing_is_said_to_one_that_should_have_it",
        ),
    ),
    "channels: the status page": (
        Bug(
            "publishes what is for the house",
            f"{PAGE}/read.py",
            "if u.audience is Audience.PUBLIC)",
            "if u.audience)",
            f"{SHOWN}::test_only_what_was_written_for_the_public_is_on_it",
        ),
        Bug(
            "puts words into the page as they are",
            f"{PAGE}/files.py",
            "autoescape=True",
            "autoescape=False",
            f"{SHOWN}::test_nothing_that_people_wrote_acts",
        ),
        Bug(
            "forgets what the cluster has forgotten",
            f"{PAGE}/model.py",
            "    known = {o.key: o for o in before}\n",
            "    known: dict[str, Outage] = {}\n",
            f"{SHOWN}::test_what_was_published_is_not_taken_back",
        ),
        Bug(
            "takes a name of a file from what it reads",
            f"{PAGE}/model.py",
            '            key=key_of(str(o["id"])),',
            '            key=str(o["id"]),',
            f"{SHOWN}::test_a_memory_that_is_none_stops_it",
        ),
        Bug(
            "writes through a link",
            f"{PAGE}/files.py",
            "        os.replace(name, path)",
            "        path.write_bytes(raw)",
            f"{SHOWN}::test_no_reader_meets_half_a_file",
        ),
    ),
    "channels: what people wrote": (
        Bug(
            "lets a title mention everybody in Slack",
            SLACK,
            '.replace("<", "&lt;").replace(">", "&gt;")',
            "",
            "notifiers/test_slack.py::test_nothing_that_people_wrote_acts",
        ),
        Bug(
            "puts a title into HTML as it is",
            MAIL,
            'f"<p>{html.escape(part)',
            'f"<p>{str(part)',
            "notifiers/test_mail.py::test_no_header_is_injected_and_no_html",
        ),
        Bug(
            "lets escapes and direction marks through",
            NOTICES,
            'c if c.isprintable() else " "',
            'c if c else " "',
            "notifiers/test_slack.py::test_nothing_that_people_wrote_acts",
        ),
        Bug(
            "signs less than it sends",
            WEBHOOK,
            'f"{message}.{stamp}.".encode() + body',
            'f"{message}.{stamp}.".encode()',
            "notifiers/test_webhook.py::test_the_signature_is_that_of_standard_webhooks",
        ),
        Bug(
            "gives each event of an incident another key",
            PAGER,
            '"dedup_key": notice.uid[:255]',
            '"dedup_key": notice.key',
            "notifiers/test_pager_and_graphs.py::test_all_events_of_an_incident_have_its_key",
        ),
    ),
}
