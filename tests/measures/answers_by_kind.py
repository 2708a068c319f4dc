"""Answers with their references and whether a reader calls them right: by kind of writing, in many languages.

Written down before the rules were looked at. A row is a question, its references, right answers and wrong ones; several
are separated by " | ". `STILL_WRONG` lists what the rules of today get wrong, and nothing else may be in it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from homog_core.records import Question


class Read(NamedTuple):
    """An answer as a reader read it."""

    kind: str
    question: Question
    answer: str
    is_right: bool


def _row(question, references, right, wrong, answer_type="text"):
    return question, references, right, wrong, answer_type


_CITY, _FRANCE = "Which city is it?", "What is the capital of France?"
_MANY, _WHEN = "How many are there?", "When was it?"

ROWS = {
    "names with signs": [
        _row("Which language is meant?", "C", "C | C. | The C language | It is C.", "C++ | C# | Objective-C"),
        _row("Which language is meant?", "C++", "C++ | It is C++. | c++", "C | C# | D"),
        _row("Which language is meant?", "C#", "C# | C# (C sharp)", "C | C++ | F#"),
        _row("Which language is meant?", "F#", "F# | It is F#.", "F | C# | J#"),
        _row("Which platform is it?", ".NET", ".NET | It is .NET. | .net", "the net | Java"),
        _row("Which runtime is it?", "Node.js", "Node.js | node.js | NodeJS", "Vue.js | a node"),
        _row("Which algorithm is it?", "A*", "A* | A*.", "A | B*"),
        _row("Which blood type is it?", "O+", "O+ | It is O+.", "O- | A+ | O"),
        _row("Which grade is it?", "B-", "B- | B−", "B | B+ | A-"),
        _row("Which formula is it?", "H2O", "H2O | H₂O | h2o", "CO2 | H2O2 | 2"),
        _row("Which vitamin is it?", "vitamin B12", "B12 | vitamin B12 | Vitamin B-12", "B6 | vitamin D | 12"),
        _row("Which plane is it?", "F-16", "F-16 | F16 | the F-16", "F-15 | B-16 | 16"),
        _row("Which ion is it?", "Na+", "Na+", "Na | Cl-"),
        _row("Which sign adds?", "+", "+ | `+`", "- | * | ++"),
        _row("Which company is it?", "AT&T", "AT&T | AT & T | It is AT&T.", "T-Mobile | AT"),
        _row("How fast is it?", "O(n log n)", "O(n log n) | It is O(n log n).", "O(n) | O(n^2) | O(log n)"),
    ],
    "powers and scales": [
        _row(_MANY, "1000000", "10^6 | 10**6 | 1e6 | 1E6 | 1M | 10⁶ | 1 mln", "10^5 | 10^7 | 1e5 | 106 | 10", "number"),
        _row(_MANY, "1200000", "1.2M | 1.2 million | 1,2 Mio. | 1.2m | 1 200 000", "1.2 | 1.2k | 12M | 1.2bn", "number"),
        _row(_MANY, "3000", "3k | 3K | 3 thousand | three thousand | 3×10³ | 3·10^3", "3 | 3M | 3 km | 300", "number"),
        _row(_MANY, "2500000000", "2.5bn | 2.5B | 2.5 billion | 2,5 Mrd. | 2.5 x 10^9", "2.5 | 2.5 million | 25", "number"),
        _row(_MANY, "1024", "2^10 | 2**10 | 1,024 | 2¹⁰", "2^9 | 210 | 10 | 2*10", "number"),
        _row(_MANY, "1 million", "10^6 | 1e6 | 1M | 1,000,000", "1 | 1 billion | 10^3"),
        _row(_MANY, "500000", "5 lakh | 500k | half a million", "5 crore | 50 lakh | 5", "number"),
        _row(_MANY, "20000000", "2 crore | 20M | 2千万 | 2000万", "2 lakh | 2万", "number"),
        _row(_MANY, "0.001", "10^-3 | 1e-3 | 10⁻³ | 1/1000", "10^3 | -1000 | 103", "number"),
        _row("How much is it?", "$1.2M", "$1.2 million | 1.2M dollars | $1,200,000", "$1.2 | $12M | $1.2B"),
    ],
    "fractions and percent": [
        _row("What share is it?", "1/2", "½ | 0.5 | one half | a half | 50% | 0,5 | 1⁄2", "1/3 | 2 | 5 | 1/2% | 0.05", "number"),
        _row("What share is it?", "50%", "50 percent | 50 per cent | fifty percent | 0.5 | half | 1/2", "5% | 0.05 | 500%", "number"),
        _row("What share is it?", "50%", "50 % | 50 percent | Fifty percent | about 50%", "60% | 5% | 500"),
        _row("What share is it?", "3/4", "three quarters | 0.75 | ¾ | 75% | three-fourths | \\frac{3}{4}", "3/5 | 4/3 | 34 | 7.5%"),
        _row("What share is it?", "two thirds", "2/3 | ⅔ | two-thirds | two thirds of it", "one third | 1/3 | 3/2 | two"),
        _row("How long is it?", "2 1/2 hours", "2½ hours | 2.5 hours | two and a half hours", "2 hours | 1/2 hour | 21/2 hours"),
    ],
    "Roman numerals and ordinals": [
        _row("Which king was it?", "Henry VIII", "Henry the Eighth | Henry 8 | King Henry VIII | Henry Ⅷ", "Henry VII | Henry V | Henry IV"),
        _row("Which king was it?", "Louis XIV", "Louis XIV | Louis the Fourteenth | Louis 14th", "Louis XVI | Louis XV | Louis XIII"),
        _row("Which war was it?", "World War II", "World War 2 | World War Two | WORLD WAR II | the Second World War", "World War I | World War III | the First World War"),
        _row("Which war was it?", "World War I", "World War 1 | World War One | World War I.", "World War II | World War 2"),
        _row("Which Super Bowl was it?", "Super Bowl 50", "Super Bowl L | Super Bowl 50", "Super Bowl XL | Super Bowl LI | Super Bowl 49"),
        _row("Which chapter is it?", "XIV", "14 | xiv | Chapter XIV | fourteen", "XVI | 15 | IV"),
        _row("Which century was it?", "the 16th century", "16th century | sixteenth century | the 16th | the XVI century", "17th century | 6th century | 15th century"),
        _row("Which place was it?", "3rd", "third | the third | 3rd place | third place", "2nd | second | 13th | 33rd"),
        _row("Which amendment is it?", "the Twenty-first Amendment", "21st Amendment | the 21st | Amendment XXI", "the First Amendment | the 20th Amendment | the 22nd"),
    ],
    "dates and times": [
        _row(_WHEN, "July 20, 1969", "20 July 1969 | July 20th, 1969 | the 20th of July 1969 | Jul 20, 1969 | 1969-07-20 | 20.07.1969 | 07/20/1969 | 20/7/1969 | on 20 July 1969 | 1969年7月20日 | 20. Juli 1969", "July 21, 1969 | 20 June 1969 | 1969-07-21 | 1968-07-20 | 20.08.1969 | July 2, 1969 | 20 July 1968"),
        _row(_WHEN, "1969-07-20", "July 20, 1969 | 20 July 1969 | 1969/07/20", "July 12, 1969 | 1969-07-02 | 1969-08-20"),
        _row(_WHEN, "25 December", "December 25 | December 25th | the 25th of December | Dec 25", "24 December | December 26 | 25 November"),
        _row(_WHEN, "44 BC", "44 BCE | 44 B.C. | in 44 BC", "44 AD | 45 BC | 44 CE"),
        _row(_WHEN, "1914", "in 1914 | It began in 1914. | 1914 AD | July 1914", "1915 | in 1941 | 1914-1918 BC | 14"),
        _row("At what time?", "3 pm", "3:00 pm | 15:00 | 3 p.m. | at 3 PM", "3 am | 13:00 | 3:30 pm | 5 pm"),
        _row(_WHEN, "the 1960s", "1960s | the sixties | in the 1960's", "the 1970s | 1660s | the 60th"),
    ],
    "units": [
        _row("How far is it?", "5 km", "5 kilometers | 5 kilometres | 5km | five km | 5 ㎞ | It is 5 km.", "5 miles | 5 m | 50 km | 5 cm | 15 km"),
        _row("How heavy is it?", "12 kg", "12 kilograms | 12kg | twelve kilograms | 12 kilos", "12 g | 12 pounds | 1.2 kg | 12 tons"),
        _row("How hot is it?", "100 °C", "100 degrees Celsius | 100°C | 100 ℃ | 100 C", "100 °F | 100 degrees Fahrenheit | 10 °C | 100 K"),
        _row("How long does it take?", "90 minutes", "90 min | 90 mins | ninety minutes", "90 seconds | 90 hours | 9 minutes"),
        _row("How large is it?", "10 m²", "10 m2 | 10 m^2 | 10 square metres | 10 square meters", "10 m | 100 m² | 10 m³"),
        _row("How much is it?", "5 dollars", "$5 | 5 USD | five dollars | $5.00", "5 euros | €5 | $50 | 5 cents"),
        _row("How fast is it?", "60 mph", "60 miles per hour | 60mph", "60 km/h | 6 mph | 60 miles per minute"),
    ],
    "other numbers": [
        _row(_MANY, "7", "7 | seven | There are 7. | exactly seven | It is 7 of 10.", "17 | 70 | 7.5 | seventy | 7 or 8 | between 6 and 8 | not 7 | 7 million | -7 | more than 7 | 1/7 | at least 70", "number"),
        _row(_MANY, "Seven", "7 | It has seven. | Seven wonders", "Six | 7 to 9 | seventeen | 0.7 | 77 | no more than six"),
        _row(_MANY, "1500", "1,500 | 1.500 | 1 500 | 1'500 | fifteen hundred | 1500.0", "1.5 | 15,00 | 15 | 1,50 | 150", "number"),
        _row("What is x?", "42", "\\boxed{42} | $42$ | x = 42 | \\(42\\) | **42** | The answer is $\\boxed{42}$. | 42.", "\\boxed{24} | x = 2 | 42x | 4.2 | 420", "number"),
        _row("What is x?", "3.14", "3,14 | 3.140 | x ≈ 3.14", "3.1 | 314 | 3.41 | 3.15", "number"),
        _row("What is x?", "-5", "−5 | minus five | negative five | x=-5", "5 | +5 | -15 | -0.5", "number"),
        _row("What is x?", "\\frac{1}{2}", "1/2 | 0.5 | \\dfrac{1}{2} | $\\frac12$", "1/3 | 2/1 | 12 | \\frac{1}{3}"),
    ],
    "digits of other scripts": [
        _row("कितने हैं?", "42", "४२ | वे ४२ हैं। | 42", "२४ | ४३", "number"),
        _row("كم عددهم؟", "42", "٤٢ | العدد ٤٢ | ۴۲", "٢٤ | ٤٣", "number"),
        _row("মোট কত?", "42", "৪২ | মোট ৪২", "২৪ | ৪", "number"),
        _row("มีกี่ตัว", "42", "๔๒ | มี ๔๒ ตัว", "๒๔", "number"),
        _row("有多少？", "42", "四十二 | 42个 | 有42个 | ４２", "二十四 | 四十 | 24个", "number"),
        _row("人口は？", "3000000", "300万 | 三百万 | 300万人です", "30万 | 三百 | 300億", "number"),
        _row("كم؟", "3.5", "٣٫٥ | ٣,٥", "٣٥ | ٥٫٣", "number"),
    ],
    "Korean": [
        _row("한국의 수도는 어디입니까?", "서울", "서울 | 서울입니다. | 서울이에요 | 서울이다. | 한국의 수도는 서울입니다. | 정답은 서울입니다", "부산입니다. | 한국의 수도는 부산입니다. | 서울이 아닙니다 | 서울대학교 | 인천"),
        _row("누가 썼습니까?", "김소월", "김소월이 썼습니다. | 김소월 | 김소월입니다.", "한용운이 썼습니다. | 김소월이 아니라 한용운입니다."),
        _row("프랑스의 수도는?", "파리", "파리예요 | 파리입니다 | 프랑스의 수도는 파리다.", "리옹입니다 | 파리가 아닙니다"),
    ],
    "Japanese and Chinese": [
        _row("日本の首都はどこですか。", "東京", "東京です。 | 東京 | 東京だ | 日本の首都は東京です。 | 東京でございます | 「東京」です", "京都です。 | 東京ではありません。 | 大阪 | 日本の首都は京都です。"),
        _row("法国的首都是哪里？", "巴黎", "是巴黎 | 巴黎。 | 答案是巴黎 | 应该是巴黎。 | 首都是巴黎 | 答案：巴黎", "不是巴黎 | 里昂 | 首都不是巴黎，是里昂 | 是里昂"),
        _row("谁写的？", "鲁迅", "鲁迅写的。 | 作者是鲁迅 | 鲁迅", "老舍写的。 | 不是鲁迅，是老舍 | 鲁豫"),
        _row("中国的首都是哪里？", "北京", "北京市 | 中国的首都是北京。", "南京 | 东京 | 京"),
        _row("誰が書きましたか。", "夏目漱石", "夏目漱石です | 夏目漱石が書きました。 | 漱石", "森鷗外です | 夏目漱石ではない"),
    ],
    "Arabic, Persian, Hebrew": [
        _row("ما عاصمة مصر؟", "القاهرة", "القاهرة | هي القاهرة. | عاصمة مصر هي القاهرة | القَاهِرَة | القاهره | قاهرة | القـاهرة | إنها القاهرة", "الإسكندرية | ليست القاهرة | الجيزة | عاصمة مصر هي الجيزة"),
        _row("من كتبها؟", "أحمد شوقي", "احمد شوقي | أحمد شوقى | كتبها أحمد شوقي", "حافظ إبراهيم | أحمد رامي | لم يكتبها أحمد شوقي"),
        _row("پایتخت ایران کجاست؟", "تهران", "تهران است | پایتخت ایران تهران است.", "اصفهان | تهران نیست"),
        _row("چه کسی نوشت؟", "ملک", "ملك | ملک", "ملت"),
        _row("מהי בירת ישראל?", "ירושלים", "ירושלים | יְרוּשָׁלַיִם | זו ירושלים | בירת ישראל היא ירושלים", "תל אביב | זו לא ירושלים"),
    ],
    "Hindi, Thai, Vietnamese, Turkish": [
        _row("भारत की राजधानी क्या है?", "दिल्ली", "दिल्ली | यह दिल्ली है। | भारत की राजधानी दिल्ली है | नई दिल्ली", "मुंबई | यह दिल्ली नहीं है। | कोलकाता"),
        _row("เมืองหลวงของไทยคืออะไร", "กรุงเทพ", "กรุงเทพ | คือกรุงเทพ | กรุงเทพครับ", "เชียงใหม่ | ไม่ใช่กรุงเทพ"),
        _row("Thủ đô của Việt Nam là gì?", "Hà Nội", "Hà Nội | Thủ đô của Việt Nam là Hà Nội. | Ha Noi | Đó là Hà Nội", "Huế | Không phải Hà Nội | Sài Gòn"),
        _row("Türkiye'nin başkenti neresidir?", "Ankara", "Ankara | Ankara'dır. | Türkiye'nin başkenti Ankara'dır | ANKARA", "İstanbul | Ankara değil | İzmir"),
        _row("Which city is it?", "İstanbul", "Istanbul | ISTANBUL | istanbul | İstanbul'dur", "İzmir | Ankara"),
    ],
    "European languages": [
        _row("Wie heißt die Hauptstadt?", "Berlin", "Es ist Berlin. | Die Hauptstadt heißt Berlin | Antwort: Berlin | Das ist Berlin", "Bonn | Das ist nicht Berlin. | Nicht Berlin, sondern Bonn | Köln"),
        _row("Quelle est la capitale ?", "Paris", "C'est Paris. | La capitale est Paris | Réponse : Paris", "Ce n'est pas Paris. | Lyon | C'est Lyon, pas Paris"),
        _row("¿Cuál es la capital?", "París", "Es París. | La capital es París | Paris | Respuesta: París", "No es París. | Lyon | Es Madrid"),
        _row("Qual è la capitale?", "Roma", "È Roma. | La capitale è Roma | Roma", "Non è Roma. | Milano"),
        _row("Какая столица?", "Москва", "Это Москва. | Москва | Столица — Москва | Ответ: Москва | МОСКВА", "Это не Москва. | Киев | не Москва"),
        _row("Ποια είναι η πρωτεύουσα;", "Αθήνα", "Η Αθήνα. | ΑΘΗΝΑ | Είναι η Αθήνα | Αθηνα", "Δεν είναι η Αθήνα | Πάτρα"),
        _row("Co to za miasto?", "Łódź", "Lodz | ŁÓDŹ | To jest Łódź", "Lublin | To nie jest Łódź"),
        _row(_CITY, "Zürich", "Zurich | Zuerich | ZÜRICH", "Bern | Zug"),
        _row("Who composed it?", "Dvořák", "Dvorak | Antonín Dvořák", "Smetana | Janáček"),
        _row("Which strait is it?", "Øresund", "Oresund | Øresund | the Øresund strait", "Bosporus | Skagerrak"),
        _row("What is it called?", "Straße", "Strasse | STRASSE | die Straße", "Strauss | Gasse"),
        _row("Who told fables?", "Æsop", "Aesop | Æsop", "Ovid | Homer"),
    ],
    "punctuation and spelling": [
        _row("Which country is it?", "USA", "U.S.A. | USA | the USA | It is the U.S.A.", "UK | U.K. | USSR"),
        _row("Who is it?", "Spider-Man", "Spiderman | Spider Man | SPIDER-MAN", "Batman | Iron Man | a spider"),
        _row("Who is it?", "Conan O'Brien", "Conan O’Brien | Conan OBrien | O'Brien", "Pat O'Neal | Conan Doyle"),
        _row("Which drink is it?", "Coca-Cola", "Coca Cola | coca-cola | CocaCola", "Pepsi-Cola | Coca | Pepsi"),
        _row(_CITY, "St. Louis", "Saint Louis | St Louis | St. Louis, Missouri", "St. Paul | Saint Paul | Louis"),
        _row("Which mountain is it?", "Mount Everest", "Mt. Everest | Everest | Mt Everest", "Mount Fuji | Mt. Fuji | the mount"),
        _row("Which genre is it?", "rock and roll", "rock & roll | rock 'n' roll | Rock and Roll", "rock | jazz and soul | roll"),
        _row("Who played?", "Simon & Garfunkel", "Simon and Garfunkel | Simon & Garfunkel | Garfunkel and Simon", "Simon | Simon and Oates | Hall & Oates"),
        _row("What is it?", "email", "e-mail | Email | an e-mail", "mail | a letter"),
    ],
    "frames": [
        _row(_FRANCE, "Paris", '{"answer": "Paris"} | **Paris** | - Paris | > Paris | Final answer: Paris | ### Answer\nParis | <b>Paris</b> | "Paris" | «Paris» | A: Paris | \\boxed{\\text{Paris}} | Paris\n\nExplanation: It has been since 987. | `Paris` | Ｐａｒｉｓ | PARIS!!! | ```\nParis\n```', '{"answer": "Lyon"} | **Lyon** | Final answer: Lyon | \\boxed{\\text{Lyon}} | A: Lyon | Answer: Paris Texas or Lyon'),
        _row("Which one?", "B", "(B) | B. | B) the second | The answer is B | Option B | Answer: B | **B**", "A | (A) | A or B | Option C | D. | AB"),
        _row("Which one?", "A", "(A) | A. | Option A | The answer is A. | A", "B | a thing | (C) | Option B"),
    ],
    "hedges": [
        _row(_FRANCE, "Paris", "I think it is Paris. | Probably Paris | Paris, I believe. | It's Paris, isn't it? | As far as I know, Paris. | Paris, of course | Paris, France | Paris (France) | It must be Paris", "It might be Paris or Lyon. | Paris, London, Berlin | Paris and London | Either Paris or Lyon | Maybe Lyon | London, Paris"),
        _row("Which planet is red?", "Mars", "Perhaps Mars | Mars, the fourth planet | Mars, not Venus", "Mars, Venus, Jupiter | Venus or Mars | Mercury, Venus, Earth and Mars | Mars? No, Venus."),
    ],
    "negations": [
        _row(_FRANCE, "Paris", "It's not Lyon, it's Paris. | Not Lyon but Paris | Paris rather than Lyon", "Not Paris | It isn't Paris. | Not Paris, but Lyon | Anything but Paris | Neither Paris nor Lyon | Paris is not the capital of France; Lyon is. | Lyon, not Paris | Paris is wrong. | No city"),
        _row("What causes it?", "nothing", "Nothing | Nothing causes it", "Something | Not nothing | everything"),
        _row("Is it safe?", "Yes", "Yes. | Yes, it is. | Yeah | It is safe. | yep | Sure | Of course | True", "No. | No, yes is what they say | It is not safe. | Hardly | Never | Yes and no"),
        _row("Is it safe?", "No", "No. | Nope | It isn't safe. | Not really | By no means | Never", "Yes. | It is. | Absolutely | Certainly not unsafe"),
    ],
    "shared words": [
        _row("Who was it?", "George Washington", "Washington | George Washington, the first president | President George Washington", "Washington Irving | George Bush | Martha Washington | Denzel Washington"),
        _row(_CITY, "Paris", "Paris | the city of Paris", "Paris Hilton | Paris, Texas | Port of Spain"),
        _row("Which state is it?", "Virginia", "Virginia | the state of Virginia", "West Virginia | Virginia Woolf"),
        _row("Which country is it?", "Guinea", "Guinea", "Equatorial Guinea | Papua New Guinea | Guyana"),
        _row("Which country is it?", "Niger", "Niger | the Republic of Niger", "Nigeria | the Congo"),
        _row("Which film is it?", "The Godfather Part II", "The Godfather Part 2 | Godfather Part II", "The Godfather | The Godfather Part III | The Godfather Part I"),
        _row("Which lake is it?", "Lake Victoria", "Victoria | Lake Victoria", "Queen Victoria | Lake Superior | the lake"),
        _row("Which capital is it?", "New York", "New York | New York City", "York | New Jersey | New Orleans"),
        _row("Which drug is it?", "vitamin C", "vitamin C | Vitamin C.", "vitamin D | vitamin A | a vitamin"),
    ],
}


def answers_by_kind() -> Iterator[Read]:
    """All answers, each with its question."""
    for kind, rows in ROWS.items():
        for i, (text, references, right, wrong, answer_type) in enumerate(rows):
            question = Question(f"{kind} {i}", "test", text, tuple(references.split(" | ")), answer_type=answer_type)
            for is_right, answers in ((True, right), (False, wrong)):
                yield from (Read(kind, question, answer, is_right) for answer in answers.split(" | "))
