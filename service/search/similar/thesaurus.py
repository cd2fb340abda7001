"""Words that mean the same in a claim, or the opposite; who is meant by which name.

A small thesaurus of what officials claim in a conflict, in English, with the commonest words of
Serbian and Albanian.  `*` stands for any ending.  Words are as `names.normalize_letters`
leaves them.
"""

SAME = {
    # More or less, in or out, for or against: see OPPOSITES.
    "reduce": "reduc* cut cuts cutting lower lowers lowered lowering decreas* shrink* shrank "
    "shrunk diminish* smanj* ulur* ulje*",
    "fall": "fell fall falls falling fallen drop drops dropped dropping declin* opao opala bie ra",
    "increase": "increas* raise* raising boost* expand* poveca* rriti rritur rritje shtoi shtuar",
    "rise": "rise rises rose risen rising grow grows grew grown growing climb* porast* rast*",
    "larger": "larger bigger wider greater",
    "smaller": "smaller narrower",
    "more": "more over exceed* vise",
    "less": "less fewer under below manje",
    "withdraw": "withdr* pull pulls pulled pulling povuk* povuc* povlac* terhoq* terhiq*",
    "leave": "leave leaves left leaving depart* retreat* napust* largua* largoh*",
    "advance": "advanc*",
    "deploy": "deploy* send sends sent sending dispatch* rasporedi* poslao poslala dergo* derguar",
    "enter": "enter* invad* cross crosses crossed uci ude udje usao usla usli hyri hyjne hyje hyn",
    "toward": "toward towards prema drejt",
    "away": "away",
    "open": "open* reopen* otvor* hap hapi hapet hapur",
    "close": "close closes closed closing closure* shut shuts zatvor* mbyll*",
    "begin": "begin* began begun start* poce* fillo*",
    "end": "end ends ended ending stop stops stopped stopping halt* prekin*",
    "arrest": "arrest* detain* uhaps*",
    "release": "releas* freed oslobod*",
    "convict": "convict* osudi*",
    "acquit": "acquit*",
    "support": "support* back backs backed endors* podrz* mbeshte*",
    "oppose": "oppos* protivi*",
    "win": "win wins won pobedi*",
    "lose": "lose loses lost izgubi*",
    # The same in other words.
    "troop": "troop* soldier* servicem* vojnik* vojnic* trup* ushtar ushtare ushtaret ushtareve",
    "army": "army armies military vojska vojske vojsku vojsci ushtri*",
    "police": "police policeman policemen policija policije policiju policia policise",
    "weapon": "weapon* arms oruzje oruzja arme armet armeve",
    "border": "border* granic* kufi kufiri kufirit kufij*",
    "north": "north northern sever severu severa severn* veri veriu veriut",
    "near": "near nearby blizini prane afer",
    "number": "number numbers broj broja brojni numri numrin",
    "attack": "attack* napad* napast* sulm*",
    "return": "return* brought restor* reopen* vrac* vrat* kthye*",
    "ceasefire": "ceasefire truce armistice primirj*",
    "buy": "buy buys bought",
    "find": "find finds found finding",
    "flee": "flee flees fled fleeing",
    "give": "give gives gave given giving",
    "hold": "hold holds held holding",
    "keep": "keep keeps kept keeping",
    "know": "know knows knew known knowledge",
    "make": "make makes made making",
    "meet": "meet meets met",
    "say": "say says said saying kaze kazu rekao rekla tha thote",
    "see": "see sees saw seen seeing",
    "shoot": "shoot* shot shots",
    "speak": "speak* spoke spoken",
    "stand": "stand stands stood stoji stoje",
    "strike": "strike strikes struck striking",
    "take": "take takes took taken taking",
    "break": "break* broke broken",
    "build": "build* built",
    "fight": "fight* fought",
}
NAMED = {
    # A government is called by its capital, its country or its people's adjective.
    "Serbia": "serbia* serbise serbine srbij* srpsk* belgrade beograd* beogradi",
    "Kosovo": "kosov* pristin* prishtin*",
    "Albania": "albania* albanij* shqiperi* tirana tirane tirani",
    "America": "america* washington* vasington* uashington*",
    "Armenia": "armenia* armenij* yerevan jerevan*",
    "Azerbaijan": "azerbaijan* azerbejdzan* baku",
    "Britain": "britain british briton* britan* london",
    "Bulgaria": "bulgari* sofia",
    "China": "china chinese kina kine beijing",
    "Croatia": "croatia* hrvatsk* zagreb*",
    "EU": "brussels brisel* bruksel*",
    "France": "france french francusk* france paris",
    "Germany": "german* nemack* gjerman* berlin*",
    "Greece": "greece greek* athens",
    "Hungary": "hungar* madarsk* budapest",
    "India": "india indian delhi",
    "Iran": "iran iranian tehran",
    "Israel": "israel* jerusalem",
    "Italy": "ital* rome",
    "Moldova": "moldova* chisinau",
    "Montenegro": "montenegr* podgoric*",
    "NATO": "nato",
    "Poland": "poland polish poljsk* warsaw",
    "Romania": "romania* rumunij* bucharest",
    "Russia": "russia* rusij* rusk* rusise moscow moskv* kremlin",
    "Turkey": "turkey turkish tursk* turqi* ankara",
    "Ukraine": "ukrain* ukrajin* kyiv kiev kijev*",
}
"""Parties and places by the names they go by: Belgrade is Serbia, Uashington America."""
ACRONYMS = {"US": "America", "USA": "America", "SAD": "America", "SHBA": "America"} | {
    "UK": "Britain",
    "EU": "EU",
    "BE": "EU",
}
"""Names that are only names in capitals."""
PHRASES = {
    "united states": "USA",
    "u.s.": "USA",
    "united kingdom": "UK",
    "great britain": "UK",
    "european union": "EU",
    "united nations": "UN",
    "evropska unija": "EU",
    "armed forces": "army",
    "no longer": "not",
    "per cent": "%",
}
OPPOSITES: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(each.split()), frozenset(other.split()))
    for each, other in (
        ("reduce fall smaller", "increase rise larger"),
        ("more", "less"),
        ("withdraw leave", "deploy enter advance"),
        ("away", "toward"),
        ("close", "open"),
        ("end", "begin"),
        ("release acquit", "arrest convict"),
        ("oppose", "support"),
        ("lose", "win"),
    )
)
DENIAL = (
    "not no never none nobody nothing without neither nor cannot deny denies denied denying denial "
    "reject* refut* refus* false falsely untrue "
    "ne nije nisu nisam nismo nikad nikada nece nema nemaju bez negira* demant* odbij* odbac* "
    "nuk asnje askush kurre mohon mohoi mohojne"
)
"""Words that turn a claim into its contrary."""
ACTS = (
    "attack accus* blam* fire fires fired firing shell shells shelled shoot strike hit hits kill* "
    "injur* wound* beat beats beaten threaten* provok* warn* arrest release ask asks asked asking "
    "criticis* criticiz* sanction* defeat* occup* ambush* kidnap* protect* support oppose help* "
    "condemn* betray* bomb* expel* optuzu* optuzi* ubi* rani* akuz* vra* kercen*"
)
"""What one does to another: who does it and to whom must not be mixed up."""
EMPTY = (
    "a an the and or but if of in on at to from by with for as that this these those which who "
    "whom whose what it its they their them he his she her we our us i is are was were be been "
    "being am has have had having do does did will would shall should can could may might must "
    "there here than then so such also too very just only about around roughly almost nearly "
    "approximately some any all each both into onto upon within during while after before since "
    "until between among through against along again already still yet now when where according "
    "said say says "
    "je su sam smo ste bi bio bila bilo da se i u na sa za od do iz ka ili ali koji koja koje "
    "kao to ta taj te ovo su ce li ga ih mu joj ako pri po oko duz "
    "e i te ne nga per me dhe se si qe ka kane eshte jane u do ose por kjo ky tek prej ketu atje"
)
"""Words too common to tell one claim from another."""
TITLES = (
    "general gen colonel president prime minister premier defence defense foreign interior "
    "chancellor king queen mayor ambassador spokesman spokeswoman secretary state chief staff "
    "commander mr mrs ms dr sir department ministry government parliament"
)
MONTHS = (
    "january jan januar januara janar janarit",
    "february feb februar februara shkurt shkurtit",
    "march mar mart marta mars marsit",
    "april apr aprila prill prillit",
    "may maj maja majit",
    "june jun juna qershor qershorit",
    "july jul jula korrik korrikut",
    "august aug avgust avgusta gusht gushtit",
    "september sept sep septembar septembra shtator shtatorit",
    "october oct oktobar oktobra tetor tetorit",
    "november nov novembar novembra nentor nentorit",
    "december dec decembar decembra dhjetor dhjetorit",
)
NUMBERS = {
    word: value
    for words, first, step in (
        ("two three four five six seven eight nine ten eleven twelve", 2, 1),
        ("thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 13, 1),
        ("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10),
    )
    for value, word in zip(range(first, 100, step), words.split(), strict=False)
}
SCALES = {
    "hundred": 100,
    "thousand": 1000,
    "hiljada": 1000,
    "hiljade": 1000,
    "mije": 1000,
    "million": 10**6,
    "millions": 10**6,
    "miliona": 10**6,
    "milion": 10**6,
    "billion": 10**9,
    "milijardi": 10**9,
    "miliarde": 10**9,
}
PARTS = {
    "half": 1 / 2,
    "third": 1 / 3,
    "thirds": 1 / 3,
    "quarter": 1 / 4,
    "quarters": 1 / 4,
    "fifth": 1 / 5,
    "trecina": 1 / 3,
    "polovina": 1 / 2,
}
HALVES = ("half", "trecina", "polovina")
"""Parts that are no ordinals: the third attack is one attack."""
