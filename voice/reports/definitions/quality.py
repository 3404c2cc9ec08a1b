"""Defines the figures beside the course of calls: who answered, sound, trust, cost, and how the news of them came."""

from functools import partial

from voice.metrics.conditions import FAIR_MOS, GOOD_MOS, POOR_MOS
from voice.metrics.histograms import DELAY, PATH
from voice.metrics.kinds import AS
from voice.reports.definitions.metric import Form, Metric

_IN, _OUT, _ALL = AS.INCOMING.value, AS.OUTGOING.value, ""
_share = partial(Metric, form=Form.SHARE)

_of_dialled = partial(_share, counted_as=_OUT, group="Who answered, by machine detection")
_DETECTED = "dialled calls with a result of machine detection."
DETECTION = (
    _of_dialled(
        "detected_person",
        "Human answers",
        f"A person, as machine detection said ÷ {_DETECTED} Without a result nothing is known, so such a call is in "
        "none of these shares.",
        of="detected:person",
        among="detected",
        more_is="good",
    ),
    _of_dialled(
        "detected_machine",
        "Machines",
        f"A machine, as machine detection said ÷ {_DETECTED}",
        of="detected:machine",
        among="detected",
        more_is="bad",
    ),
    _of_dialled(
        "detected_fax",
        "Faxes",
        f"A fax, as machine detection said ÷ {_DETECTED}",
        of="detected:fax",
        among="detected",
    ),
    _of_dialled(
        "detected_silence",
        "Silence",
        f"Nobody spoke, as machine detection said ÷ {_DETECTED}",
        of="detected:silence",
        among="detected",
    ),
    _of_dialled(
        "detected_unsure",
        "Not sure",
        f"Machine detection could not tell ÷ {_DETECTED}",
        of="detected:unsure",
        among="detected",
    ),
    _of_dialled(
        "detection_coverage",
        "Detection known",
        "Dialled calls with a result of machine detection ÷ dialled calls. Detection is asked for with a dial, and its "
        "result need not come.",
        of="detected",
        among="calls",
    ),
)

_of_all_sound = partial(_share, counted_as=_ALL, group="Sound")
_WITH_MOS = "÷ answered legs with a MOS. It is Telnyx's measure of what came in, of 4.5 at best."
SOUND = (
    _of_all_sound(
        "mos_good",
        "Good sound",
        f"Answered legs with a MOS of {GOOD_MOS:.1f} or more {_WITH_MOS}",
        of="mos:good",
        among="heard",
        more_is="good",
    ),
    _of_all_sound(
        "mos_fair",
        "Fair sound",
        f"Answered legs with a MOS from {FAIR_MOS} up to {GOOD_MOS:.1f} {_WITH_MOS}",
        of="mos:fair",
        among="heard",
    ),
    _of_all_sound(
        "mos_poor",
        "Poor sound",
        f"Answered legs with a MOS from {POOR_MOS} up to {FAIR_MOS}, where many complain {_WITH_MOS}",
        of="mos:poor",
        among="heard",
        more_is="bad",
    ),
    _of_all_sound(
        "mos_bad",
        "Bad sound",
        f"Answered legs with a MOS below {POOR_MOS} {_WITH_MOS}",
        of="mos:bad",
        among="heard",
        more_is="bad",
    ),
    _of_all_sound(
        "mos_coverage",
        "Sound known",
        "Answered legs with a MOS ÷ answered legs.",
        of="heard",
        among="answered",
    ),
    Metric(
        "loss_in",
        "Loss, coming in",
        "Packets of sound that did not come in ÷ all that were due, of answered legs of which Telnyx told both.",
        _ALL,
        "counted_in",
        Form.RATIO,
        sum_of="skipped_in",
        over="packets_in",
        more_is="bad",
        group="Sound",
    ),
    Metric(
        "loss_out",
        "Loss, going out",
        "Packets of sound that did not go out ÷ all that were due, of answered legs of which Telnyx told both.",
        _ALL,
        "counted_out",
        Form.RATIO,
        sum_of="skipped_out",
        over="packets_out",
        more_is="bad",
        group="Sound",
    ),
)

_of_incoming = partial(_share, counted_as=_IN, group="Callers vouched for")
_TOLD = "incoming calls of which Telnyx told an attestation (SHAKEN/STIR)."
TRUST = (
    _of_incoming(
        "attested_a",
        "Attestation A",
        f"The carrier knows the caller, and that the number is theirs ÷ {_TOLD} One whose signature was not in order "
        "counts as that alone.",
        of="vouched:a",
        among="vouched",
        more_is="good",
    ),
    _of_incoming(
        "attested_b",
        "Attestation B",
        f"The carrier knows the caller, but not that the number is theirs ÷ {_TOLD}",
        of="vouched:b",
        among="vouched",
    ),
    _of_incoming(
        "attested_c",
        "Attestation C",
        f"The carrier knows neither, and only passed the call on ÷ {_TOLD}",
        of="vouched:c",
        among="vouched",
        more_is="bad",
    ),
    _of_incoming(
        "attested_wrong",
        "Signature not in order",
        f"The caller was vouched for, and Telnyx found the signature wrong ÷ {_TOLD}",
        of="vouched:wrong",
        among="vouched",
        more_is="bad",
    ),
    _of_incoming(
        "attestation_coverage",
        "Attestation known",
        "Incoming calls of which Telnyx told an attestation ÷ incoming calls.",
        of="vouched",
        among="calls",
    ),
)

_of_money = partial(Metric, counted_as=_ALL, of="priced", sum_of="cost_millionths", group="Cost", is_of_a_currency=True)
COST = (
    _of_money(
        "cost",
        "Cost",
        "What Telnyx reported as the cost of answered legs, for each currency apart. How many legs have a cost is told "
        "by Cost known.",
        form=Form.AMOUNT,
    ),
    _of_money(
        "price",
        "Cost of a minute",
        "What Telnyx reported as the cost of answered legs ÷ the minutes talked on those legs, for each currency "
        "apart. Legs without a reported cost are in neither.",
        form=Form.PRICE,
        over="priced_us",
        more_is="bad",
    ),
    Metric(
        "price_coverage",
        "Cost known",
        "Answered legs with a cost reported by Telnyx ÷ answered legs with a length.",
        _ALL,
        "priced",
        Form.SHARE,
        "talked",
        group="Cost",
    ),
)

_of_path = partial(
    Metric,
    counted_as=_IN,
    of="answered_by_rule",
    form=Form.PERCENTILE,
    share=0.95,
    more_is="bad",
    group="The way to an answer, 95 %",
)
_BY_RULE = "of incoming calls that a rule answered: 95 % took so long at most."
WAY = (
    _of_path(
        "path_delivery",
        "To our door",
        f"From the beginning of the call until its webhook was received, {_BY_RULE} Telnyx and the line to it.",
        histogram=PATH["delivery"],
    ),
    _of_path(
        "path_queue",
        "Through the portal",
        f"From the receipt of the webhook until the answer was sent, {_BY_RULE} The portal itself.",
        histogram=PATH["queue"],
    ),
    _of_path(
        "path_telnyx",
        "At Telnyx",
        f"From the sending of the answer until Telnyx had answered, {_BY_RULE} Telnyx's clock against ours: a call "
        "whose clocks contradict each other is left out.",
        histogram=PATH["telnyx"],
    ),
)

_of_news = partial(_share, counted_as=_ALL, more_is="bad", group="Delivery of webhooks")
DELIVERY = (
    Metric(
        "delay_p95",
        "Under way, 95 %",
        "How long 95 % of the webhooks of these calls were under way at most, from what happened until it was "
        "received.",
        _ALL,
        "told",
        Form.PERCENTILE,
        histogram=DELAY,
        share=0.95,
        more_is="bad",
        group="Delivery of webhooks",
    ),
    _of_news(
        "late",
        "Late",
        "Legs with a webhook that was under way for more than 5 seconds ÷ all legs that are over.",
        of="late",
        among="calls",
    ),
    _of_news(
        "sent_again",
        "Second attempts",
        "Legs with a webhook that reached us at a second attempt of Telnyx's, or a later one ÷ all legs that are over.",
        of="sent_again",
        among="calls",
    ),
    _of_news(
        "recovered",
        "Recovered",
        "Legs with an event that no webhook brought, and that the portal fetched itself ÷ all legs that are over.",
        of="recovered",
        among="calls",
    ),
    _of_news(
        "lost",
        "Lost",
        "Legs whose end was never reported: Telnyx was asked, and did not know them any more ÷ all legs that are over.",
        of="lost",
        among="calls",
    ),
)
QUALITY: tuple[Metric, ...] = (*DETECTION, *SOUND, *TRUST, *COST, *WAY, *DELIVERY)
