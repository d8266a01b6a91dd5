"""Write assets/storybook/related.json: words that are no names of the Storybook world → the things nearest to them.

    python scripts/storybook_related.py FOLDER

FOLDER is the unpacked `package` folder of npm's `emojibase-data` 17.0.0 (MIT), with its `en` and `zh`. Its keywords
say what a drawn thing is about ("equestrian" → horse); the table below, written by hand, comes first. A word keeps at
most three things, those that people name most first. Run it again whenever the list of things changes.
"""

import json
import sys
from pathlib import Path

from playground.storybook.things import THINGS
from playground.storybook.vocabulary import HAN, RELATED, words_of

MOST = 3
TOO_BROAD = frozenset(
    """face animal animals body person people food object tool sport game celebration adult gender 1 2 3 red blue green
    yellow white black small big large hot cold up down left right open closed old new one two light dark flat symbol
    man's woman's 脸 头 动物 食物 工具 画画 运动 游戏 庆祝 颜色 红色 蓝色 物品 男 女 人 身体 表情 天气""".split()  # noqa: SIM905
)
BY_HAND = """
spaceship spacecraft starship shuttle 宇宙飞船 太空船 飞船 航天飞机: rocket, UFO
space station probe 空间站 探测器: satellite, rocket
city town downtown skyline street 城市 城镇 街道 市区 都市: office building, house
village farm barn 村庄 农场 谷仓 农舍: house, hut
palace fortress fort 宫殿 堡垒 皇宫: castle
lighthouse windmill minaret 灯塔 风车 水塔: tower
pyramid tomb 金字塔: mountain, temple
bridge 桥 大桥: island, castle
museum library 博物馆 图书馆 大学: temple, school
shop store supermarket market mall restaurant cafe 商店 超市 餐厅 饭店 市场 咖啡馆: hotel, house
apartment flat mansion villa garage 公寓 别墅 豪宅 车库: house, office building
shed igloo cave treehouse 棚子 冰屋 山洞 树屋: hut
sparrow robin seagull gull pelican canary finch swallow hummingbird woodpecker 麻雀 海鸥 燕子 喜鹊 黄鹂: bird, dove
hawk falcon vulture condor 秃鹫 猎鹰: eagle
ostrich emu crane-bird stork heron 鸵鸟 白鹤 鹤 丹顶鹤: flamingo, swan
cheetah jaguar panther puma lynx 猎豹 美洲豹: leopard, tiger
hyena coyote jackal husky 鬣狗 哈士奇: wolf, dog
corgi dachshund labrador retriever beagle chihuahua terrier 柯基 金毛 拉布拉多 泰迪 柴犬: dog, poodle
guinea gerbil rodent rat 豚鼠 荷兰猪 老鼠精: hamster, mouse
ferret weasel badger meerkat mongoose 黄鼠狼 獾 鼬: otter, skunk
antelope gazelle impala 羚羊: deer
buffalo bison yak 水牛 牦牛 野牛: ox
calf cattle 小牛 牛犊: cow
foal colt mare 马驹: horse
mule burro 骡子: donkey
walrus manatee 海象: seal
orca narwhal 虎鲸: whale, dolphin
salmon tuna goldfish carp trout cod stingray 金鱼 鲤鱼 三文鱼 带鱼 鱼缸: fish, tropical fish
wasp hornet 黄蜂 马蜂: bee
moth dragonfly firefly 飞蛾 蜻蜓 萤火虫: butterfly
cockroach bug insect 蟑螂 昆虫: beetle, ladybug
slug 鼻涕虫: snail
clam oyster mussel scallop starfish 蛤蜊 牡蛎 扇贝 海星: seashell
tyrannosaurus triceratops stegosaurus 三角龙 翼龙: dinosaur, T-Rex
phoenix griffin pegasus 凤凰 天马 麒麟: dragon, unicorn
plum apricot nectarine lychee 李子 杏子 荔枝 油桃: peach
grapefruit pomelo kumquat 柚子 西柚 金桔: orange
lime 青柠: lemon
raspberry blackberry cranberry 树莓 黑莓 蔓越莓: strawberry, blueberry
pomegranate persimmon 石榴 柿子: apple
papaya durian 木瓜 榴莲: mango, melon
zucchini courgette celery asparagus 西葫芦 芹菜 芦笋: cucumber
spinach kale 菠菜 韭菜: lettuce
pea lentil soybean 豌豆 黄豆 毛豆: bean
radish turnip beet yam 萝卜 白萝卜 红薯 地瓜: carrot, potato
sausage ham salami 香肠 火腿 腊肠: hot dog, bacon
lasagna macaroni 通心粉: spaghetti
burrito kebab wrap falafel 肉夹馍 烤串: taco, sandwich
omelette omelet 蛋卷: fried egg
toast bun baguettes 吐司面包 馒头 包子: bread
tea latte cappuccino espresso cocoa 茶 拿铁 热可可 热巧克力: cup, teapot
whiskey vodka rum 威士忌 白酒: cocktail, beer
lemonade smoothie milkshake 柠檬水 奶昔 雪碧: soda, juice box
tart macaron brownie 蛋挞 马卡龙 布朗尼: pie, cupcake
bush shrub hedge willow maple birch forest wood woods jungle 灌木 柳树 森林 树林 丛林 枫树: tree, pine tree
lily orchid peony carnation daffodil violet iris poppy 百合 兰花 牡丹 康乃馨 水仙 菊花: flower, tulip
dandelion 蒲公英: daisy
bamboo 竹子: pine tree, wheat
minivan limousine limo sedan hatchback 面包车 豪车 轿跑: car, SUV
convertible ferrari lamborghini porsche 法拉利 兰博基尼: race car
bulldozer excavator digger forklift 挖掘机 推土机 挖土机: tractor, crane
tank 坦克: tractor, truck
drone 无人机: helicopter
glider 滑翔机: small airplane
zeppelin blimp airship 热气球 飞艇: balloon
submarine raft tugboat warship 潜水艇 潜艇 军舰 航母: ship, canoe
subway metro 地铁: train, tram
carriage cart wagon 马车: horse, shopping cart
rollerblade 直排轮: roller skate
asteroid meteorite 小行星: comet
galaxy universe 银河 银河系: planet, spiral
mars jupiter venus 火星 木星 金星: planet
rain storm thunderstorm thunder drizzle 雨 下雨 暴雨 雷雨 打雷: rain cloud, lightning bolt
hurricane cyclone typhoon 飓风: tornado, spiral
fog mist smoke steam 雾 烟雾 蒸汽: cloud
lamp chandelier lightbulbs spotlight 台灯 吊灯 路灯 灯 电灯泡子: light bulb, lantern
tablet ipad 平板 平板电脑: phone, laptop
kettle 热水壶 烧水壶: teapot
pan saucepan wok 锅 炒锅: fried egg, stew
fridge refrigerator oven stove microwave washing 冰箱 烤箱 微波炉 洗衣机: filing cabinet, television
wardrobe closet cupboard drawer shelf 衣柜 橱柜 抽屉: filing cabinet, door
bookshelf bookcase 书架: book
stool bench armchair rocking 板凳 长椅 摇椅 扶手椅: chair, sofa
pillow blanket mattress hammock 枕头 被子 毯子: bed
curtain 窗帘: window
fence wall gate 篱笆 栅栏 大门: door, bricks
doll barbie 芭比: matryoshka doll, teddy bear
lego block blocks 积木: puzzle piece
gun pistol rifle revolver 枪 手枪 步枪: water gun
cannon grenade missile 大炮 手榴弹 导弹: bomb, rocket
spear crossbow 长矛 弩: bow and arrow, swords
skirt blouse gown 短裙 裙装: dress
sweater hoodie jumper cardigan suit uniform 毛衣 卫衣 西装 制服 羽绒服: coat, T-shirt
beanie beret fedora sombrero 贝雷帽 毛线帽: hat, cap
bracelet necklace earring earrings jewelry 手镯 项链 耳环 首饰: ring, diamond
cello viola 大提琴: violin
ukulele bass lute 尤克里里 琵琶 贝斯: guitar
tuba trombone horn 长号 号角: trumpet
clarinet oboe whistle 单簧管 哨子 唢呐: flute
xylophone organ synthesizer 木琴 风琴 古筝: piano
tambourine cymbal 铃鼓 锣: drum
ball balls 球 皮球: soccer ball, basketball
golf 高尔夫: baseball, goal
hockey 曲棍球: ice skate
child kid kids children toddler 孩子 小孩 小朋友 儿童 幼儿: boy, girl, baby
person people human somebody friend couple 人 人们 朋友 情侣 行人: man, woman
mother mom mum mommy aunt wife 妈妈 母亲 阿姨 妻子: woman
father dad daddy uncle husband 爸爸 父亲 叔叔 丈夫: man
sister daughter 姐姐 妹妹 女儿: girl
brother son 哥哥 弟弟 儿子: boy
pirate knight soldier warrior samurai viking 海盗 骑士 武士 战士: guard, ninja
nurse dentist surgeon scientist 护士 牙医 科学家: doctor
witch druid 女巫: wizard, fairy
elf gnome dwarf goblin 精灵 小矮人: fairy
devil demon 恶魔 魔鬼: vampire, ghost
cowboy pilot sailor 牛仔 飞行员 水手: farmer, astronaut
baker waiter 面包师 服务员: cook
policeman 交警: police officer
emperor 皇帝 太子: prince
engine motor carburettor carburetor machine 发动机 机器 引擎: gear, wheel
mercedes bmw tesla 宝马 奔驰 特斯拉: car
screen display 屏幕: television, desktop computer
flag banner 旗 旗子 国旗: kite, ribbon
fountainhead well pond pool 池塘 井 泳池: fountain
cliff canyon valley hillside 悬崖 峡谷 山谷: mountain, rock
beachball 沙滩球 水球: volleyball
parasol 太阳伞 遮阳伞: umbrella
statue sculpture monument 雕像 雕塑 纪念碑: moai, Statue of Liberty
"""


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    names = {thing.name for thing in THINGS}
    order = {thing.name: (not thing.common, index) for index, thing in enumerate(THINGS)}
    taken = {form for thing in THINGS for form in (thing.name, thing.plural, *thing.synonyms)}
    taken_zh = {form for thing in THINGS for form in (thing.zh, *thing.zh_synonyms)}
    tables: dict[str, dict[str, list[str]]] = {"en": {}, "zh": {}}
    for line in BY_HAND.strip().splitlines():
        words, things = line.split(": ")
        near = things.split(", ")
        unknown = [name for name in near if name not in names]
        if unknown:
            raise SystemExit(f"no such thing: {unknown}")
        for word in words.split():
            tables["zh" if HAN.search(word) else "en"].setdefault(word, near)
    by_hand = {language: set(table) for language, table in tables.items()}
    code = {thing.code.split("-")[0]: thing.name for thing in THINGS}
    for language in ("en", "zh"):
        found: dict[str, set[str]] = {}
        for entry in json.loads((Path(sys.argv[1]) / language / "data.json").read_text(encoding="utf-8")):
            name = code.get(entry["hexcode"].lower().removesuffix("-fe0f"))
            if name is None:
                continue
            for tag in entry.get("tags", ()):
                found.setdefault(tag.lower(), set()).add(name)
        for tag, about in found.items():
            known = taken_zh if language == "zh" else taken
            short = len(tag) < (2 if language == "zh" else 3)
            right_letters = bool(HAN.search(tag)) if language == "zh" else len(words_of(tag)) == 1
            if tag in TOO_BROAD or tag in known or short or not right_letters or len(about) > 25:
                continue
            if tag not in by_hand[language]:
                tables[language][tag] = sorted(about, key=order.__getitem__)[:MOST]
    ordered = {language: dict(sorted(table.items())) for language, table in tables.items()}
    rows = [
        f"{json.dumps(language)}: {{\n"
        + ",\n".join(f"{json.dumps(word, ensure_ascii=False)}: {json.dumps(near)}" for word, near in table.items())
        + "\n}"
        for language, table in ordered.items()
    ]
    RELATED.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    print(f"{RELATED}: {', '.join(f'{len(table)} words in {language}' for language, table in ordered.items())}")


if __name__ == "__main__":
    main()
