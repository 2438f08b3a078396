"""Notes in languages that the default embedder cannot read are found by their words."""

from __future__ import annotations

import pytest

from kg.operations.parts import Parts
from tests.support.user import User

THAI = [
    "ระบบชำระเงินลองใหม่ห้าครั้ง",
    "ฐานข้อมูลสำรองทุกคืนเวลาเที่ยงคืน",
    "ทีมงานประชุมทุกวันจันทร์ตอนเช้า",
    "ใบแจ้งหนี้ส่งเป็นไฟล์พีดีเอฟ",
    "เราเก็บรหัสผ่านไว้ในตู้นิรภัย",
]
LAO = ["ລະບົບສຳຮອງຂໍ້ມູນທຸກຄືນ", "ທີມປະຊຸມທຸກວັນຈັນ", "ໃບແຈ້ງໜີ້ຖືກສົ່ງທຸກເດືອນ"]
KHMER = ["ប្រព័ន្ធបម្រុងទុករាល់យប់", "ក្រុមប្រជុំរាល់ថ្ងៃចន្ទ", "វិក្កយបត្រត្រូវបានផ្ញើរាល់ខែ"]
BURMESE = ["ဒေတာကိုညတိုင်းသိမ်းဆည်းသည်", "အဖွဲ့သည်တနင်္လာနေ့တိုင်းစည်းဝေးသည်", "ငွေတောင်းခံလွှာကိုလတိုင်းပို့သည်"]
HAN = ["我们用锁来避免竞争", "每月发送报告", "构建在夜里运行", "团队周一开会"]
ARABIC = ["التقارير والبيانات تحفظ يوميا", "الفريق يستخدم أداة جديدة", "النشر كل جمعة", "الاجتماع يوم الاثنين"]
HEBREW = ["הדוחות והנתונים נשמרים כל יום", "הצוות משתמש בכלי חדש", "הפריסה בכל יום שישי"]
QUESTIONS = [
    (THAI, "สำรอง", 1), (THAI, "ประชุม", 2), (THAI, "รหัสผ่าน", 4), (THAI, "ชำระเงิน", 0), (LAO, "ປະຊຸມ", 1),
    (LAO, "ສຳຮອງ", 0), (KHMER, "ប្រជុំ", 1), (KHMER, "វិក្កយបត្រ", 2), (BURMESE, "စည်းဝေး", 1),
    (BURMESE, "ငွေတောင်းခံလွှာ", 2), (HAN, "锁", 0), (HAN, "夜", 2), (HAN, "周一", 3), (ARABIC, "البيانات", 0),
    (ARABIC, "بيانات", 0), (ARABIC, "فريق", 1), (HEBREW, "נתונים", 0), (HEBREW, "הנתונים", 0), (HEBREW, "צוות", 1),
]  # fmt: skip


@pytest.fixture
async def polyglot(user: User) -> User:
    for text in (*THAI, *LAO, *KHMER, *BURMESE, *HAN, *ARABIC, *HEBREW):
        await user.add(text)
    await user.indexer.drain()
    return user


async def test_a_word_finds_the_note_that_has_it(polyglot: User):
    found = {word: (await polyglot.search(word, limit=1))["results"][0]["memory"] for _, word, _ in QUESTIONS}
    assert found == {word: notes[place] for notes, word, place in QUESTIONS}


async def test_it_does_so_without_the_index_too(polyglot: User, parts: Parts):
    await parts.index.close()
    for notes, word, place in QUESTIONS:  # chance pairs of characters weigh more without the index
        hits = (await polyglot.search(word, limit=2))["results"]
        assert notes[place] in [hit["memory"] for hit in hits]
