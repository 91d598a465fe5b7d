"""Small closed classes of English words that patterns look at, and the one inflection that they need."""


def word_set(words: str) -> frozenset[str]:
    """The words of a line, as a set."""
    return frozenset(words.split())


HEDGES = word_set(
    "often usually generally typically commonly normally frequently sometimes probably likely possibly perhaps "
    "maybe also therefore thus hence however then so always occasionally mostly mainly actually simply just really "
    "certainly surely definitely ever specifically primarily basically essentially "
    "originally likewise"
)
QUANTIFIERS = word_set(
    "many most some all several various few any every each much more both certain numerous lots other"
)
PERSON_PRONOUNS = word_set("you someone somebody anyone anybody everyone they he she we i")
PERSON_NOUNS = word_set("person people someone somebody anyone individual human those one")
FEELINGS = word_set(
    "abandoned afraid alone amused angry annoyed anxious appreciated ashamed bad better bloated bored calm cheerful "
    "comfortable concerned confident confused content curious dejected delighted depressed desperate disappointed "
    "disgusted distressed drained dizzy eager ecstatic elated embarrassed empty energized enraged envious excited "
    "exhausted fearful frightened frustrated fulfilled furious glad good grateful guilty happy helpless hopeful "
    "hopeless horrified hot hungry hurt impatient important indifferent insecure inspired irritated isolated "
    "jealous joyful lonely loved mad miserable motivated nauseous neglected nervous nostalgic offended optimistic "
    "outraged overwhelmed panicked pleased powerful proud refreshed regretful rejected relaxed relieved remorseful "
    "resentful respected restless sad satisfied scared secure shocked shy sick sleepy sorry stressed surprised "
    "terrified thankful thirsty thoughtful thrilled tired uncomfortable uneasy unhappy upset useless valued "
    "vulnerable warm weak weary worried worthless safe free entertained interested bitter humiliated intimidated "
    "pressured rested amazed discouraged disheartened enthusiastic unsatisfied dissatisfied troubled exhilarated tense "
    "apprehensive astonished agitated aggravated bewildered betrayed devastated disturbed enlightened "
    "euphoric fatigued gloomy heartbroken hostile impatient invigorated irritable livid melancholic moody perplexed "
    "puzzled reassured remorseful self-conscious sympathetic tormented unloved unwell unwanted"
)
FEELING_NOUNS = word_set(
    "anger anxiety boredom calm comfort compassion confusion contentment curiosity delight despair disappointment "
    "disgust embarrassment emotion enjoyment envy excitement exhaustion fear feeling frustration fulfillment "
    "gratitude grief guilt happiness hate hatred hope hunger jealousy joy loneliness love nervousness nostalgia "
    "pain panic passion peace pleasure pride rage regret relief remorse sadness satisfaction shame sorrow stress "
    "surprise sympathy tension worry unhappiness resentment annoyance relaxation discomfort dissatisfaction impatience "
    "fun euphoria exhilaration nervousness dread terror horror frustration bliss apprehension unease serenity despair "
    "tiredness fatigue fright aggravation irritation distress longing insecurity"
)
ABSTRACT_PARTS = word_set(
    "ability attack advantage age atmosphere attitude benefit capacity career chance charge color colour connection "
    "cost desire difference difficulty effect experience feature feeling flavor function goal habit height history "
    "idea impact influence interest job knowledge length life limit location meaning name nature need number "
    "opportunity option personality point population potential power price problem property purpose quality range "
    "reason reputation responsibility right risk role sense shape size skill smell status style taste temperature "
    "tendency texture time odor odour scent law pka trait trouble type use value variety volume way weight width "
    "work access lot fun sex motive energy plan choice money"
)
NO_STATE = word_set(
    "able unable capable incapable likely unlikely available possible due true false correct necessary"
)  # adjectives that are no property
FIRST_NAMES = word_set(
    "john james billy bill joe sam sally mary jane dan danny bob bobby tom tommy jim jimmy jack sarah susan mike "
    "michael david steve steven mark paul peter george robert richard bethany kate lisa linda karen anna alice amy "
    "emily emma laura jenny jennifer jessica nancy betty simon brad brian kevin eric adam alex andrew ben dave fred "
    "frank gary greg harry henry jason jeff jerry josh larry luke matt max nick patrick phil ralph ray ron scott "
    "sean ted tim tony victor will william alan albert carl carol cathy cindy debbie donna ellen helen janet joan "
    "joseph julie june kelly lucy maria martha melissa molly pam polly rachel rita rose ruth sandra sue tina wendy "
    "jean danielle sharon"
)
MEASURES = word_set(
    "type kind sort number variety lot range couple majority minority percentage combination plenty amount set series "
    "mixture"
)
HUMANS = word_set(
    "man woman boy girl kid child teen teenager baby adult student pupil parent mother father friend customer employee "
    "worker patient driver player athlete guest visitor tourist teacher family couple"
)
STRUCTURE = word_set(
    "wall floor roof window door room ceiling gate stair entrance hall lobby aisle shore coast tree wave kitchen "
    "bathroom bedroom"
)
THINGS_IN_ING = word_set(
    "something anything nothing everything building ceiling clothing painting string spring meeting morning evening "
    "wedding being feeling railing earring sibling pudding lightning drawing writing bedding opening crossing ending "
    "warning offspring housing covering coating wiring darling dressing stocking duckling seasoning stuffing"
)
SITES = word_set(
    "house home kitchen bathroom bedroom room garden yard office school classroom university college hospital clinic "
    "store shop supermarket market mall restaurant bar pub cafe church cathedral temple building bank library museum "
    "theater theatre cinema park zoo farm field forest jungle desert ocean sea river lake mountain city town village "
    "country street road highway airport station factory garage basement attic cupboard drawer cabinet refrigerator "
    "fridge freezer oven closet shelf hotel motel stadium arena gym prison jail courtroom hallway warehouse workshop "
    "pantry cellar beach island casino bakery pharmacy drugstore laboratory studio"
)
SURFACES = word_set("desk table counter bed couch sofa chair bench plate bowl stage")
EMPTY_HEADS = word_set(
    "answer question statement option choice reason thing way subject term aspect opposite association "
    "consequence misconception cause phrase sentence author passage text "
    "location fact example following case context topic story name title factor other number"
)
_IRREGULAR = {"be": "is", "have": "has", "do": "does", "go": "goes"}


def third_person(base: str) -> str:
    """Third person singular of a base form: try -> tries."""
    if base in _IRREGULAR:
        return _IRREGULAR[base]
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{base}es"
    if base.endswith("y") and base[-2:-1] not in tuple("aeiou"):
        return f"{base[:-1]}ies"
    return f"{base}s"
