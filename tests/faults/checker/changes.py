"""Changes behind the services' backs, a row here, an event there, each with the rules that do not hold then."""

CHANGES: dict[str, tuple[str, str, str, set[str]]] = {
    "a credential doubled": (
        "credential",
        "credentials",
        """insert into credentials select credential_id || '-2', case_id, 2, state, receiving_region, receiving_organ, handling_region,
            handling_organ, issued_at, valid_until, version, body, sealed from credentials where case_id = '{over}'""",
        {"doubled.credential", "lost.event"},
    ),
    "a credential lost": (
        "credential",
        "credentials",
        "delete from credentials where case_id = '{over}'",
        {"lost.credential", "shown.credential", "ahead.log"},
    ),
    "a projection changed by hand": (
        "intake",
        "cases",
        "update cases set stage = 'accepted' where case_id = '{waiting}'",
        {"shown.stage"},
    ),
    "a case reopened by hand": (
        "intake",
        "cases",
        "update cases set state = 'received' where case_id = '{over}'",
        {"lost.end", "doubled.entry"},
    ),
    "a clock lost": (
        "routing",
        "clocks",
        "delete from clocks where case_id = '{accepted}' and kind like 'decision%'",
        {"clock.missing", "left.timer"},
    ),
    "a timer lost": (
        "routing",
        "timers",
        "delete from timers where key = '{accepted}' and kind = 'clock.decision_promised'",
        {"clock.timer"},
    ),
    "a clock that outlived its case": (
        "routing",
        "clocks",
        "update clocks set state = 'overrun' where case_id = '{over}' and kind = 'acceptance'",
        {"clock.left"},
    ),
    "a handling lost": (
        "routing",
        "handlings",
        "delete from handlings where case_id = '{accepted}'",
        {"lost.handling", "doubled.entry", "doubled.notice", "ahead.log", "stuck.case", "shown.stage"},
    ),
    "a second acceptance": (
        "routing",
        "notices",
        """insert into notices select notice_id || '-2', case_id, kind, state, written_at, version, body, text_sealed
            from notices where case_id = '{accepted}' and kind = 'acceptance'""",
        {"doubled.notice", "lost.sealing", "lost.entry"},
    ),
    "another organ's seal": (
        "credential",
        "sealings",
        "update sealings set body = jsonb_set(body, '{{seal,signature}}', '\"forged\"') where case_id = '{accepted}'",
        {"shown.seal"},
    ),
    "a delivery lost": (
        "routing",
        "deliveries",
        "delete from deliveries where case_id = '{over}'",
        {"lost.delivery", "doubled.entry"},
    ),
    "a second transfer": (
        "routing",
        "transfers",
        """insert into transfers select transfer_id || '0', case_id, 10, state, receiving_region, receiving_organ, handling_region,
            handling_organ, opened_at, version, body from transfers where case_id = '{waiting}'""",
        {"doubled.transfer", "lost.event", "lost.receipt", "lost.entry"},
    ),
    "a receipt lost": (
        "routing",
        "receipts",
        "delete from receipts where case_id = '{waiting}' and number = 2",
        {"lost.receipt", "shown.receipt"},
    ),
    "the last receipts lost": ("routing", "receipts", "delete from receipts where case_id = '{over}' and number > 2", {"lost.receipt"}),
    "all receipts lost": ("routing", "receipts", "delete from receipts where case_id = '{over}'", {"lost.receipt"}),
    "a receipt given twice": (
        "routing",
        "receipts",
        """insert into receipts select case_id, 4, transfer_id, step, jsonb_set(body, '{{number}}', '4')
            from receipts where case_id = '{waiting}' and number = 3""",
        {"doubled.receipt", "shown.receipt"},
    ),
    "a receipt written anew": (
        "routing",
        "receipts",
        "update receipts set body = jsonb_set(body, '{{facts}}', '\"sha256:other\"') where case_id = '{over}' and number = 1",
        {"shown.receipt"},
    ),
    "an event lost from the log": (
        "log",
        "log",
        "delete from log where key = '{accepted}' and headers like '%tongban.case.validated.v1%'",
        {"order.sequence", "order.cause", "lost.record"},
    ),
    "the last events lost from the log": (
        "log",
        "log",
        "delete from log where key = '{accepted}' and headers like '%tongban.notice.sealed.v1%'",
        {"lost.event", "lost.record"},
    ),
    "a fact told twice": (
        "log",
        "log",
        """insert into log (topic, partition, "offset", key, headers, value)
            select topic, partition, 900000, key, regexp_replace(regexp_replace(regexp_replace(headers, '"ce_id","[^"]*', '"ce_id","another'),
                '"ce_position","[0-9]*', '"ce_position","900000'), '"ce_sequence","1"', '"ce_sequence","2"'), value
            from log where key = '{waiting}' and headers like '%tongban.case.received.v1%'""",
        {"doubled.event", "ahead.log", "lost.effect", "left.position"},
    ),
    "a case lost at intake": ("intake", "cases", "delete from cases where case_id = '{waiting}'", {"lost.case", "lost.promise"}),
    "a case lost at routing": ("routing", "transfers", "delete from transfers where case_id = '{waiting}'", {"lost.transfer", "ahead.log"}),
    "a receipt kept wrongly": (
        "credential",
        "receipts",
        "update receipts set organ = 'another' where case_id = '{over}'",
        {"shown.case"},
    ),
    "an event forgotten by an inbox": (
        "credential",
        "inbox",
        "delete from inbox where event_id = (select min(event_id) from inbox)",
        {"lost.effect"},
    ),
    "an event parked": (
        "routing",
        "parked",
        """insert into parked (consumer, topic, partition, "offset", key, type, event_id, headers, reason, at)
            values ('routing', 'case.events.v1', 0, 0, '{waiting}', 'tongban.case.received.v2', 'poison', '[]', 'unknown-version', now())""",
        {"left.parked"},
    ),
    "a case that nobody was promised": (
        "intake",
        "cases",
        """insert into cases select (jsonb_populate_record(c, jsonb_build_object('case_id', left(case_id, 24) || '000000000001',
            'root_case_id', left(case_id, 24) || '000000000001', 'case_no', 'second'))).* from cases c where case_id = '{waiting}'""",
        {"doubled.case", "lost.event", "lost.transfer", "lost.material", "shown.case"},
    ),
    "a supplement lost": (
        "intake",
        "cases",
        "update cases set body = jsonb_set(body, '{{supplements}}', '[]') where case_id = '{corrected}'",
        {"lost.supplement", "doubled.material"},
    ),
    "a notice answered twice": (
        "intake",
        "cases",
        """update cases set body = jsonb_set(body, '{{supplements}}', body -> 'supplements'
            || jsonb_set(body -> 'supplements' -> 0, '{{number}}', '2')) where case_id = '{corrected}'""",
        {"doubled.supplement", "lost.entry"},
    ),
    "a notice told as answered twice": (
        "log",
        "log",
        """insert into log (topic, partition, "offset", key, headers, value)
            select topic, partition, 900000, key, regexp_replace(regexp_replace(regexp_replace(headers, '"ce_id","[^"]*', '"ce_id","another'),
                '"ce_position","[0-9]*', '"ce_position","900000'), '"ce_sequence","2"', '"ce_sequence","3"'),
                convert_to(replace(convert_from(value, 'UTF8'), '"supplement":1', '"supplement":2'), 'UTF8')
            from log where key = '{corrected}' and headers like '%tongban.case.supplemented.v1%'""",
        {"doubled.event", "ahead.log", "lost.effect", "left.position"},
    ),
    "a suspension that nobody ordered": (
        "routing",
        "notices",
        """insert into notices select notice_id || '-2', case_id, 'suspension', state, written_at, version, body, text_sealed
            from notices where case_id = '{accepted}' and kind = 'acceptance'""",
        {"doubled.notice", "lost.sealing", "lost.entry"},
    ),
    "an extension that nobody gave": (
        "routing",
        "notices",
        """insert into notices select notice_id || '-2', case_id, 'extension', state, written_at, version, body, text_sealed
            from notices where case_id = '{accepted}' and kind = 'acceptance'""",
        {"doubled.notice", "lost.sealing", "lost.entry"},
    ),
    "an act without its notice": (
        "routing",
        "notices",
        "delete from notices where case_id = '{accepted}' and kind = 'acceptance'",
        {"lost.notice", "shown.seal", "doubled.entry"},
    ),
    "a notice never sealed": (
        "routing",
        "notices",
        "update notices set state = 'awaiting_seal' where case_id = '{over}' and kind = 'acceptance'",
        {"left.sealing", "doubled.entry"},
    ),
    "a second decision clock": (
        "routing",
        "clocks",
        """insert into clocks select clock_id || '2', case_id, kind, organ, region, 'overrun', due, version, body
            from clocks where case_id = '{accepted}' and kind = 'decision_promised'""",
        {"doubled.clock"},
    ),
    "another version at routing": (
        "routing",
        "cases",
        "update cases set body = jsonb_set(body, '{{version_id}}', '\"OTHER\"') where case_id = '{waiting}'",
        {"shown.case"},
    ),
    "another date at intake": (
        "intake",
        "cases",
        "update cases set body = jsonb_set(body, '{{progress,answer_by}}', '\"2026-01-01T00:00:00Z\"') where case_id = '{accepted}'",
        {"shown.date"},
    ),
    "a case closed by hand": (
        "intake",
        "cases",
        "update cases set state = 'closed' where case_id = '{waiting}'",
        {"shown.state", "lost.entry"},
    ),
    "a decision sealed twice": (
        "credential",
        "sealings",
        """insert into sealings select (jsonb_populate_record(s, jsonb_build_object('notice_id', notice_id || '-2', 'decision', 2))).*
            from sealings s where case_id = '{over}' and decision = 1""",
        {"doubled.sealing", "shown.seal", "lost.event", "lost.credential"},
    ),
    "a decision handed out twice": (
        "routing",
        "deliveries",
        """insert into deliveries select (jsonb_populate_record(d, jsonb_build_object('delivery_id', delivery_id || '-2'))).*
            from deliveries d where case_id = '{over}'""",
        {"doubled.delivery", "lost.entry"},
    ),
    "a handed-over result open again": (
        "routing",
        "deliveries",
        "update deliveries set state = 'open' where case_id = '{over}'",
        {"shown.delivery", "doubled.entry"},
    ),
    "a piece of a material lost": (
        "intake",
        "material_chunks",
        "delete from material_chunks where material_id = (select min(material_id) from material_claims where case_id = '{over}')",
        {"lost.material"},
    ),
    "a material's claim lost": (
        "intake",
        "material_claims",
        "delete from material_claims where material_id = (select min(material_id) from material_claims where case_id = '{over}')",
        {"lost.material"},
    ),
    "a material's key lost": (
        "intake",
        "secret_keys",
        "delete from secret_keys where owner = (select 'material:' || min(material_id) from material_claims where case_id = '{over}')",
        {"lost.material"},
    ),
    "a trace lost": ("routing", "traces", "delete from traces where about = '{over}'", {"lost.trace"}),
    "a trace that nobody told": (
        "routing",
        "traces",
        "insert into traces select trace_id, at, caller, aggregate, 'export', about, region, rule_id, purpose from traces where about = '{over}' limit 1",
        {"ahead.trace"},
    ),
    "a trace lost from the log": (
        "log",
        "log",
        """delete from log where (topic, partition, "offset") in (select topic, partition, max("offset") from log
            where topic = 'access.events.v1' and convert_from(value, 'UTF8') like '%{over}%' group by topic, partition)""",
        {"lost.record", "ahead.trace"},
    ),
    "a document lost from the log": (
        "log",
        "log",
        "delete from log where topic = 'catalog.rules.v1' and key = (select max(key) from log where topic = 'catalog.rules.v1' and key like 'organ/%')",
        {"lost.record"},
    ),
    "a document kept otherwise": (
        "intake",
        "followed",
        "update followed set data = '{{}}' where topic = 'catalog.versions.v1'",
        {"shown.document"},
    ),
    "a document not kept": ("credential", "followed", "delete from followed where key like 'organ/%'", {"shown.document"}),
    "documents not read to their end": (
        "routing",
        "follow_offsets",
        "update follow_offsets set \"offset\" = 0 where topic = 'catalog.versions.v1'",
        {"left.position"},
    ),
    "an event that says too little": (
        "log",
        "log",
        """update log set value = convert_to('{{"case_id": "{waiting}"}}', 'UTF8')
            where key = '{waiting}' and headers like '%tongban.case.validated.v1%'""",
        {"unreadable.event", "lost.event"},
    ),
    "bytes that are no event": (
        "log",
        "log",
        """insert into log (topic, partition, "offset", key, headers, value)
            select topic, partition, 900000, key, headers, '\\x00ff' from log where key = '{waiting}' and headers like '%received.v1%'""",
        {"unreadable.event", "lost.effect"},
    ),
    "a position used twice": (
        "log",
        "log",
        """insert into log (topic, partition, "offset", key, headers, value)
            select topic, partition, 900000, key, regexp_replace(headers, '"ce_id","[^"]*', '"ce_id","another'), value
            from log where topic = 'credential.events.v1' and convert_from(value, 'UTF8') like '%{over}%'""",
        {"doubled.position"},
    ),
    "a key in two partitions": (
        "log",
        "log",
        """insert into log (topic, partition, "offset", key, headers, value)
            select topic, (partition + 1) % 6, 900000, key, headers, value
            from log where topic = 'credential.events.v1' and convert_from(value, 'UTF8') like '%{over}%'""",
        {"order.partition"},
    ),
    **{
        f"a second entry of {kind}": (
            "routing",
            "timeline_entries",
            f"""insert into timeline_entries (case_id, at, kind, zh, en, organ, region, "by", audience, remark_sealed)
                select case_id, at, '{kind}', zh, en, organ, region, "by", audience, remark_sealed
                from timeline_entries where case_id = '{{over}}' and kind = 'received'""",  # noqa: S608 - our own names
            {"doubled.entry"},
        )
        for kind in ("validated", "supplemented", "withdrawn", "suspended", "card")
    },
    "a timer left over": (
        "routing",
        "timers",
        "insert into timers (timer_id, kind, key, due, body) values ('gone:seal:1/due', 'clock.seal', '{over}', now() + interval '1 day', '{{}}')",
        {"left.timer"},
    ),
    "a position not heard": (
        "intake",
        "seen",
        "update seen set position = 0 where key = '{over}' and service = 'credential'",
        {"left.position"},
    ),
}
"""What is done: whose database, the table, the statement, and the rules that do not hold then."""
