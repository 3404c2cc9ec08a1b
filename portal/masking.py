"""Shows a person of what came from outside what they may see: the one place that decides it.

Who may not see whole numbers is shown what is known to be nobody's: ids, types, states, times, counts. All other values
of a payload are hidden, whatever they are, and a number within a sentence keeps four digits. Secrets are shown nobody.
"""

import base64
import binascii
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from portal.phone_numbers import mask

HIDDEN = "•••"
_RIGHT = "voice.view_full_number"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Members of Telnyx's payloads, answers and parameters that say nothing of a person: compared in lower case, without
# ``_`` and ``-``, so that TeXML's ``CallSid`` is ``call_sid``.
_SHOWN = _names(
    """
    accountsid action aiassistantid allowed anchorsite anchorsiteoverride answeredby answeredtime apiversion
    applicationid assistantid at attempt attempts audiotype beepended beginat bigbeep billedduration billinggroupid
    bitrate callbacksource callcontrolid callcontrolids callduration callid callinitiatedat calllegid callpart
    callscreeningresult callsessionid callsid callsidlegacy callstatus callingpartytype causecode cause channel
    channelcount channels code codec codes commandid complete conferenceid conferenceregion conferencesid confidence
    connectioncodecs connectionid connectorname consistency contenttype conversationid cost country countrycode
    createdat creatorcallsessionid currency currentposition datecreated dateupdated
    dialcallduration dialcallsid dialcallstatus direction
    dtmfsource dtmftype duration durationmillis durationsec durationseconds effect encoding endat endedat endreason
    endtime enterat errorcode errortype event eventid eventtimestamp eventtype exitreason failurecause
    firstcommandtimeoutsecs format hangupcause hangupsource hold httpstatus id initiatedat insightgroupid insightid
    isalive isfinal jittermaxvariance jitterpacketcount joinedat kind language lastupdatedat legid leftat llmmodel
    loop machinedetectionduration method mode model mood mos muted occurredat offeredcodecs onhold operation
    organizationid outboundvoiceprofileid outcome overlay packetcount participantid part participantcount
    participants payloadtype paymentcardtype paymentmethod paymentstatus paymentstep position product profile
    provider queueavgwaittimesecs queueid queueposition queuesid rate receivedat recordchannels recordformat
    recordingduration recordingendedat recordingid recordingsid recordingsource recordingstartedat recordingstatus
    recordingtranscriptionid recordingtrack recordtrack recordtype reasoncode region requestid result role
    samplingrate score sequencenumber shakenstirattestation shakenstirvalidated sid sipcode siphangupcause
    sipnotifyresponse sipresponsecode skippacketcount source startat startconferenceonenter startedat starttime
    state status statuscallbackevent statuscode streamcodec streamid streamsid streamtrack streamtype sttmodel
    supervisorrole targetlegs telnyxid terminatingdigit timeoutsecs timestamp toolcallid total totalcost track
    transcriptionengine transcriptionid transcriptionsid transcriptiontrack transcriptiontracks ttsmodelid
    ttsprovider ttsvoiceid type updatedat updateat userstatus version voice waittimesecs webhookid
    averagewaittime avgqueuetime callcost callsidendingconference coachingcallsid coachingcallsidlegacy
    conversationevent currentqueuesize notifysipresponsecode parentcallsid parentcallsidlegacy
    price priceunit queueresult queuetime reasonconferenceended refercallstatus refersipresponsecode siprecevent
    siprecsid streamevent transcriptionstatus
    """
)
# What we or Telnyx word: sentences, names, addresses. Shown, but for numbers within.
_WORDS = _names(
    """
    applicationname audiourl customfilename description detail details error errormessage errors failurereason
    friendlyname greeting headername help holdaudiourl hint invalidaudiourl invalidmedianame invalidpayload label
    medianame mediaurl message messages name participantlabel payload pointer queue queuename reason
    recordcustomfilename requestedby ringtone said statusdetail streamurl summary tags telnyxerror title url urls
    value webhookurl webhookurls words siprecerror siprecname streamerror streamname
    """
)
_NUMBERS = _names(
    """
    from to caller callerid callernumber callingnumber callingpartynumber called callednumber calleenumber
    destination destinationnumber diversion fromformatted fromnumber fromsipuri number numbers originalto ononehalfof
    phonenumber phonenumbers sipaddress sipuri target targets toformatted tonumber tosipuri
    """
)
_COUNTS = re.compile(r"(secs?|seconds|millis|ms|count|size|length|tries|digits|hz|volume|threshold|duration|minutes)$")
_PRESSED = frozenset({"digit", "digits"})
# What a caller said, or a program made of it: nothing within is shown.
_SAID = frozenset(
    {"result", "partialresults", "messagehistory", "dynamicvariables", "conversationinsights", "insights"}
)
_SECRETS = frozenset({"sipauthpassword", "streamauthtoken", "paymenttoken", "password", "authorization", "apikey"})
_HEADERS = frozenset({"customheaders", "sipheaders", "headers"})
_SECRET_HEADER = re.compile(r"auth|token|secret|password|api.?key|cookie|credential|signature", re.IGNORECASE)

# Ids and times, whose digits are nobody's number; Telnyx's own ids have 17 to 20 digits.
_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_TIME = r"(?:19|20)\d\d-[01]\d-[0-3]\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_KEPT = rf"{_UUID}|(?<!\d){_TIME}(?!\d)|\bv\d+:[\w\-]{{20,}}|(?<!\d)[1-9]\d{{16,19}}(?!\d)"
# between two digits of a number: whatever is no word, no quote, and does not part a list or a JSON text
_RUN = r"\+?\d(?:(?:[^\w<>\"'{}\[\],:;=•]|_|%20){0,3}\d){6,}"
_IN_TEXT = re.compile(rf"(?P<kept>{_KEPT})|(?P<sip>sips?:)[^\s@\"'<>,;]{{1,128}}@|(?P<number>{_RUN})", re.IGNORECASE)
_OUR_ADDRESS = re.compile(r"(/(?:webhooks|texml)/)[A-Za-z0-9_\-]{20,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{10,}={0,2}")
_ID = re.compile(r"[\w.:/+=%@\-]{1,600}")
_AMOUNT = re.compile(r"^-?\d{1,6}\.\d{1,9}$")
_LONG_RUN = re.compile(r"\d{10,}")

_saw_whole: ContextVar[bool] = ContextVar("saw_whole", default=False)


def may_see_whole(user: Any) -> bool:
    """Return whether this person may see whole numbers."""
    return bool(user is not None and user.has_perm(_RIGHT))


def display_number(text: str, user: Any) -> str:
    """Return the number or address in ``text`` as this person may see it."""
    if not may_see_whole(user):
        return mask(text)
    _saw_whole.set(_saw_whole.get() or bool(text))
    return text


def masked_for(user: Any, value: Any) -> Any:
    """Return a JSON value, or a sentence, as this person may see it."""
    value = addresses_for(user, value)
    if not may_see_whole(user):
        return masked(value)
    _saw_whole.set(_saw_whole.get() or (bool(value) and not isinstance(value, str)))
    return without_secrets(value)


def addresses_for(user: Any, value: Any) -> Any:
    """Return a JSON value without the tokens of our webhook addresses, unless this person may see the accounts."""
    if user is not None and user.has_perm("portal.view_telnyxaccount"):
        return value
    return _each_text(value, lambda text: _OUR_ADDRESS.sub(rf"\1{HIDDEN}", text))


def whole_was_seen() -> bool:
    """Return whether whole numbers were shown since the last call: for the audit trail, once a request."""
    seen = _saw_whole.get()
    _saw_whole.set(False)
    return seen


def masked(value: Any) -> Any:
    """Return of a JSON value what everybody may see; of a sentence all but its numbers."""
    return masked_text(value) if isinstance(value, str) else _masked(without_secrets(value), "")


def set_up_for(user: Any, value: Any) -> Any:
    """Return a JSON value that people set up, as this person may see it: words stay, numbers and secrets do not."""
    shown = without_secrets(addresses_for(user, value))
    return shown if may_see_whole(user) else _each_text(shown, masked_text)


def hides_something(value: Any) -> bool:
    """Return whether a JSON value that somebody sends has in it what was hidden from them when they read it."""
    return bool(_each_text(value, lambda text: text.replace(HIDDEN, "")) != value)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _each_text(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """Mask the numbers and the users of SIP addresses in a sentence of ours or of Telnyx's, also behind base64."""
    return _BASE64.sub(_unless_a_number_in_base64, _IN_TEXT.sub(_masked_match, text))


def without_secrets(value: Any) -> Any:
    """Return a JSON value with passwords, tokens and secret headers hidden: nobody is shown them."""
    return change_secrets(value, lambda secret: HIDDEN)


def change_secrets(value: Any, change: Callable[[Any], Any], name: str = "") -> Any:
    """Return a JSON value with each secret within it changed: passwords, tokens, secret headers, headers of tools."""
    if isinstance(value, dict):
        return {key: _change_member(item, change, str(key), value) for key, item in value.items()}
    if isinstance(value, list):
        return [_change_item(item, change, name) for item in value]
    return value


def is_secret(name: str) -> bool:
    """Return whether a parameter of this name is kept sealed and shown nobody."""
    return _plain(name) in _SECRETS


def is_secret_header(name: str) -> bool:
    """Return whether a header of this name is."""
    return bool(_SECRET_HEADER.search(name))


def _change_member(item: Any, change: Callable[[Any], Any], name: str, around: dict[str, Any]) -> Any:
    if is_secret(name) and item not in (None, ""):
        return change(item)
    if _plain(name) == "headers" and "url" in around and isinstance(item, list):  # of an assistant's tool
        return [_with_value(one, change) for one in item]
    if _plain(name) in _HEADERS and isinstance(item, dict):  # by name
        return {key: change(one) if is_secret_header(str(key)) else one for key, one in item.items()}
    return change_secrets(item, change, name)


def _change_item(item: Any, change: Callable[[Any], Any], name: str) -> Any:
    if isinstance(item, dict) and _plain(name) in _HEADERS and is_secret_header(str(item.get("name", ""))):
        return _with_value(item, change)
    return change_secrets(item, change, name)


def _with_value(header: Any, change: Callable[[Any], Any]) -> Any:
    return header | {"value": change(header["value"])} if isinstance(header, dict) and "value" in header else header


def _masked(value: Any, name: str) -> Any:
    if _plain(name) in _SAID and isinstance(value, dict | list):
        return HIDDEN
    if isinstance(value, dict):
        # the value of a header or of a custom parameter is the caller's, or of a carrier on the way
        pair = "name" in value and "value" in value
        return {
            masked_text(str(key)): HIDDEN if pair and key == "value" and item else _masked(item, str(key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, name) for item in value]
    if value is None or isinstance(value, bool) or value in ("", HIDDEN):
        return value
    return _masked_scalar(value, _plain(name))


def _masked_scalar(value: Any, name: str) -> Any:
    if name in _PRESSED:  # may be of a card, or a secret
        return "•" * len(str(value)) if isinstance(value, str) else HIDDEN
    if name in _SHOWN:
        if isinstance(value, str) and not (_ID.fullmatch(value) and not _hides_a_number(value)):
            return masked_text(value)
        return value
    if isinstance(value, int | float):
        return value if _COUNTS.search(name) or abs(value) < 1000 else HIDDEN  # too short for a number, a card, a code
    if name in _NUMBERS:
        return mask(value)
    return masked_text(value) if name in _WORDS else HIDDEN


def _hides_a_number(identifier: str) -> bool:
    rest = _AMOUNT.sub("", re.sub(_KEPT, "", identifier))
    return bool(_LONG_RUN.search(rest) or re.fullmatch(_RUN, rest) or "sip:" in rest.lower() or _in_base64(rest))


def _plain(name: str) -> str:
    return name.partition("[")[0].replace("_", "").replace("-", "").lower()  # CallCost[v3:…] is a call's cost


def _masked_match(match: re.Match[str]) -> str:
    if match["kept"]:
        return match.group()
    if match["sip"]:
        return f"{match['sip']}{HIDDEN}@"
    return mask(match["number"])


def _unless_a_number_in_base64(match: re.Match[str]) -> str:
    return HIDDEN if _in_base64(match.group()) else match.group()


def _in_base64(token: str) -> bool:
    """Return whether ``token`` is a readable text in base64 with a number in it, as ``client_state`` may be."""
    text = token.rstrip("=").replace("-", "+").replace("_", "/")
    if len(text) < 10 or text.isdecimal():
        return False
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return any(match["number"] or match["sip"] for match in _IN_TEXT.finditer(decoded))
