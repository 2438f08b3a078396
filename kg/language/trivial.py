"""Messages that are not worth remembering, found by plain rules; no model is needed. Pure.

Invariant: a message is trivial only if nothing is left of it without its stock phrases. One word of content keeps it.
"""

from __future__ import annotations

import re

from kg.language.words import fold

MAX_CHARS = 200
"""Longer messages are trivial only if they hold no word at all."""

NO_WORDS = "no words"
EMPTY_OUTPUT = "empty or bare tool output"
STOCK_PHRASE = "greeting, thanks or assent"
PROGRESS = "progress chatter"

_ENGLISH = """
hi|hello|hey|hi there|hello there|hey there|good morning|good afternoon|good evening|good night|morning|welcome back
bye|goodbye|see you|see you later|see you tomorrow|talk to you later|have a nice day|have a good one
thanks|thank you|thank you so much|thank you very much|thanks a lot|thanks so much|many thanks|thx|ty|cheers
you're welcome|you are welcome|no problem|np|no worries|my pleasure|happy to help|glad to help|anytime
ok|okay|k|kk|okey|alright|all right|right|sure|sure thing|of course|certainly|absolutely|definitely|exactly|indeed
yes|yep|yeah|yup|ya|y|no|nope|nah|yes please|no thanks|please|please do|agreed|understood|got it|i see|makes sense
good|great|nice|cool|perfect|awesome|excellent|amazing|wonderful|fantastic|brilliant|super|lovely|well done|nice work
good job|great job|great work|good work|great stuff|sounds good|looks good|looks great|looks good to me|lgtm|love it
that's right|that's correct|that's fine|that's great|that's perfect|that's it|that works|works for me|fine|fine by me
go ahead|go on|continue|please continue|keep going|carry on|proceed|please proceed|do it|let's go|let's do it|go for it
try again|please try again|once more|ship it|as you like|up to you|whatever you think
it works|it works now|works|works now|done|all done|finished|ready|all set|all good|all green|tests pass|all tests pass
oops|sorry|my bad|never mind|nevermind|hm|hmm|hmmm|uh|um|ah|aha|oh|wow|haha|lol|wait|hold on|one moment|one second
just a moment|just a second|just a sec|one sec|a moment please|so|then|now|and|very much|so far|again|for now|all
i'm on it|on it|will do|let me see|let me check|let me think|let me know|i'll check|i'll do that|i'll do it|doing it now
how are you|what's up|anything else|is there anything else|you're absolutely right|you're right|you are right
claude|assistant|everyone|guys|folks|team|mate|buddy|there|+1
"""
_OTHER_LATIN = """
hola|buenos días|buenas|buenas tardes|buenas noches|adiós|hasta luego|gracias|muchas gracias|mil gracias|de nada|vale
sí|si|de acuerdo|perfecto|genial|excelente|claro|por supuesto|adelante|continúa|continua|sigue|sigue así|listo|entendido
muy bien|está bien|por favor|hazlo|dale
bonjour|salut|bonsoir|au revoir|à bientôt|merci|merci beaucoup|de rien|oui|non|d'accord|parfait|très bien|super|génial
c'est bon|ça marche|vas y|allez y|continue|continuez|bien sûr|entendu|compris|s'il te plaît|s'il vous plaît|ok merci
hallo|guten morgen|guten tag|guten abend|tschüss|bis später|danke|danke schön|dankeschön|vielen dank|danke dir|bitte
gern geschehen|gerne|ja|nein|ja bitte|nein danke|alles klar|perfekt|passt|passt so|prima|toll|klasse|gut|sehr gut|genau
einverstanden|verstanden|in ordnung|weiter|mach weiter|bitte weiter|weiter so|natürlich|klar|los|leg los|moin|servus
olá|oi|bom dia|boa tarde|boa noite|tchau|até logo|obrigado|obrigada|muito obrigado|muito obrigada|valeu|sim|não|beleza
perfeito|ótimo|certo|combinado|entendi|pode continuar|pode seguir|vai em frente|tudo bem|claro que sim|de nada|isso
ciao|buongiorno|buonasera|arrivederci|grazie|grazie mille|molte grazie|prego|sì|no|va bene|perfetto|ottimo|certo
d'accordo|capito|continua|procedi|vai avanti|avanti|esatto|bene|molto bene|benissimo|per favore
спасибо|спасибо большое|большое спасибо|пожалуйста|привет|здравствуй|здравствуйте|добрый день|доброе утро|пока|да|нет
ок|окей|хорошо|ладно|понятно|понял|поняла|ясно|отлично|супер|круто|давай|давай дальше|продолжай|продолжайте|дальше
согласен|согласна|конечно|не за что
"""
_UNSPACED = """
谢谢|谢谢你|谢谢您|多谢|感谢|非常感谢|不客气|你好|您好|大家好|早上好|晚上好|再见|好|好的|好吧|好了|好啊|行|可以|可以的|是|是的|对
对的|没错|没问题|明白|明白了|知道了|了解|收到|继续|请继续|继续吧|嗯|嗯嗯|不错|很好|太好了|完美|辛苦了|謝謝|繼續|沒問題
ありがとう|ありがとうございます|ありがとうございました|どうも|こんにちは|おはよう|おはようございます|こんばんは|さようなら|はい|いいえ
うん|ええ|了解|了解です|了解しました|わかりました|分かりました|承知しました|承知です|かしこまりました|なるほど|いいね|いいですね|素晴らしい
完璧です|完璧|大丈夫|大丈夫です|オッケー|オーケー|続けて|続けてください|お願いします|どうぞ|進めてください|お疲れ様です|お疲れ様でした|そうです|そうですね
감사합니다|고마워|고마워요|고맙습니다|천만에요|안녕|안녕하세요|네|넵|예|응|아니요|알겠습니다|알겠어요|알았어|좋아|좋아요|좋습니다|완벽해요
완벽해|계속|계속해|계속해줘|계속해주세요|계속하세요|진행해|진행해줘|진행해주세요|부탁해|부탁해요|부탁드립니다|그래|그래요|맞아|맞아요|수고했어|수고하셨습니다
"""
_BEGUN = """
running|rerunning|checking|reading|looking at|looking into|looking for|looking|searching|testing|building|compiling
fixing|updating|working on|working|writing|editing|reviewing|investigating|verifying|trying|starting|waiting for
waiting|installing|deploying|committing|pushing|thinking|processing|loading|analyzing|analysing|debugging|exploring
"""
_INTENDED = """
run|rerun|check|read|look at|look into|take a look at|take a look|have a look at|have a look|look|search|test|build|fix
update|work on|write|edit|review|investigate|verify|try|start|wait for|wait|think about|think|analyze|analyse|debug
explore|see|open|inspect|examine|find out
"""
_ABOUT = """
the|a|all|this|that|it|these|those|them|now|again|next|first|quickly|briefly|once|more|test|tests|suite|build|linter
code|codebase|file|files|log|logs|output|error|errors|result|results|change|changes|diff|repo|repository|project|docs
for|you|moment|second|minute|bit|please|right away|in the background|currently|still
"""


def _alternatives(phrases: str) -> str:
    folded = {" ".join(fold(phrase).split()) for line in phrases.splitlines() for phrase in line.split("|")}
    return "|".join(re.escape(phrase) for phrase in sorted(folded - {""}, key=len, reverse=True))


# Every group is possessive: the words of one belong to others too, and trying all divisions would take for ever.
_STOCK = rf"(?:(?:{_alternatives(_ENGLISH + _OTHER_LATIN)})(?: |$)|(?:{_alternatives(_UNSPACED)}) ?)"
_DOING = (
    rf"(?:(?:i'm|i am|we're|now|just|still|currently) )*(?:{_alternatives(_BEGUN)})(?: (?:{_alternatives(_ABOUT)}))*+"
    rf"(?: |$)"
)
_ANNOUNCED = _ABOUT.replace("|all|", "|")
"""What an announced step may be about. "All" is left out: "I'll check all files" may state a rule."""
_ONCE = _ANNOUNCED.replace("|first|", "|")
"""The same after "I will". "First" is left out: what one does first may be a rule, except "I'll take a look first"."""
_GLANCED = "look at|look into|take a look at|take a look|have a look at|have a look|look|see|think about|think"
_NOW = r"(?: (?:now|first|just|quickly|also))*"
_GOING_TO = (
    r"(?:now |first |next |then )?"
    rf"(?:let me{_NOW} (?:{_alternatives(_INTENDED)})(?: (?:{_alternatives(_ANNOUNCED)}))*+"
    r"|(?:i'll|i will|i'm going to|i am going to)"
    rf"(?:{_NOW} (?:{_alternatives(_GLANCED)})(?: (?:{_alternatives(_ANNOUNCED)}))*+(?= |$)"
    rf"|(?: (?:now|just|quickly|also))* (?:{_alternatives(_INTENDED)})(?: (?:{_alternatives(_ONCE)}))*+(?! first)))"
    r"(?: |$)"
)
_ONLY_STOCK = re.compile(f"(?:{_STOCK})++")
_ONLY_CHATTER = re.compile(f"(?:{_DOING}|{_GOING_TO}|{_STOCK})++")
_MARKER = re.compile(
    r"""
    (?:```|~~~)[\w+-]*\s*(?:```|~~~)                                            # an empty code block
    | <(?P<tag>[\w-]+)>\s*</(?P=tag)>                                           # an empty element
    | \[(?:tool_use|tool_result|tool\ call|tool\ result|image|image\ \#?\d+|request\ interrupted\ by\ user[^\]]*)\]
    | \(?(?:no\ (?:content|output)|empty)\)? (?=\s*\Z)
    | tool\ ran\ without\ output(?:\ or\ errors)?
    | (?:process\ exited\ with\ )?(?:exit\ )?code:?\ 0 (?=\s*\Z)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NOT_A_WORD = re.compile(r"[^\w'+]+")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")


def trivial(text: str) -> str | None:
    """Return why a message is not worth remembering; None if it may be.

    Trivial are texts without a word, empty output of a tool, greetings, thanks and assent in ten languages, and
    announcements of the next step that name nothing ("running the tests now"). The whole text must be of these kinds.
    """
    if not any(char.isalnum() for char in text):
        return NO_WORDS
    if len(text) > MAX_CHARS:
        return None
    rest = _MARKER.sub(" ", text)
    if not any(char.isalnum() for char in rest):
        return EMPTY_OUTPUT
    words = _NOT_A_WORD.sub(" ", fold(rest).replace("\u2019", "'"))
    said = _DRAWN_OUT.sub(r"\1", " ".join(words.split()))
    if _ONLY_STOCK.fullmatch(said):
        return STOCK_PHRASE
    return PROGRESS if _ONLY_CHATTER.fullmatch(said) else None
