"""What the synthetic company's people, tags and events are called, in both languages."""

from __future__ import annotations

from typing import NamedTuple

from qa_lib.tables import Label


class Attribute(NamedTuple):
    """One of the 30 attributes; `texts` are the values of a text."""

    name: str
    type: str
    label: Label
    unit: str = ""
    texts: tuple[str, ...] = ()


def _attribute(name: str, type: str, zh: str, en: str, unit: str = "", texts: str = "") -> Attribute:
    return Attribute(name, type, Label(zh, en), unit, tuple(texts.split("|")) if texts else ())


ATTRIBUTES: tuple[Attribute, ...] = (
    _attribute("age", "number", "年龄", "age", "years"),
    _attribute("household_size", "number", "家庭人数", "household size", "people"),
    _attribute("income_amount", "number", "年收入", "yearly income", "CNY"),
    _attribute("average_order_value", "number", "客单价", "average order value", "CNY"),
    _attribute("order_count_365d", "number", "近365天订单数", "orders in 365 days", "orders"),
    _attribute("spend_amount_365d", "number", "近365天消费额", "spend in 365 days", "CNY"),
    _attribute("recency_days", "number", "距上次购买天数", "days since the last order", "days"),
    _attribute("points_balance", "number", "积分余额", "points balance", "points"),
    _attribute("coupon_count", "number", "持有优惠券数", "coupons held", "coupons"),
    _attribute("device_count", "number", "设备数", "devices", "devices"),
    _attribute("complaint_count", "number", "投诉次数", "complaints", "complaints"),
    _attribute("email_open_rate", "number", "邮件打开率", "e-mail open rate"),
    _attribute("discount_rate_365d", "number", "近365天折扣率", "discount rate in 365 days"),
    _attribute("gender", "text", "性别", "gender", texts="女|男"),
    _attribute("age_band", "text", "年龄段", "age band", texts="18-24|25-34|35-44|45-54|55-64|65+"),
    _attribute("income_band", "text", "收入段", "income band", texts="低|中低|中|中高|高"),
    _attribute(
        "city",
        "text",
        "城市",
        "city",
        texts="上海|北京|广州|深圳|杭州|成都|武汉|南京|西安|重庆|苏州|天津|长沙|郑州|青岛|宁波",
    ),
    _attribute("city_tier", "text", "城市等级", "city tier", texts="一线|新一线|二线|三线|四线及以下"),
    _attribute("member_level", "text", "会员等级", "member level", texts="普卡|银卡|金卡|黑卡"),
    _attribute(
        "lifecycle_stage",
        "text",
        "生命周期",
        "lifecycle stage",
        texts="未购 never bought|新客 new|活跃 active|沉睡 dormant|流失 lost",
    ),
    _attribute(
        "rfm_segment",
        "text",
        "RFM 分群",
        "RFM segment",
        texts="HHH 重要价值|LHH 重要保持|HLH 重要发展|LLH 重要挽留|HHL 一般价值|LHL 一般保持|HLL 一般发展|LLL 一般挽留",
    ),
    _attribute(
        "preferred_department",
        "text",
        "偏好部门",
        "preferred department",
        texts="食品|饮料|美妆|母婴|家居|数码|服饰|运动|图书|宠物",
    ),
    _attribute("channel", "text", "注册渠道", "sign-up channel", texts="应用|小程序|门店|网站|合作伙伴"),
    _attribute("language", "text", "语言", "language", texts="zh|en|ja|ko"),
    _attribute("registered_on", "date", "注册日期", "registered on"),
    _attribute("birthday", "date", "生日", "birthday"),
    _attribute("last_order_on", "date", "上次购买日期", "last order on"),
    _attribute("is_vip", "boolean", "VIP 会员", "VIP"),
    _attribute("has_app", "boolean", "已装应用", "has the app"),
    _attribute("has_children", "boolean", "有孩子", "has children"),
)

_INTERESTS = (
    *(("coffee", "咖啡"), ("tea", "茶"), ("wine", "葡萄酒"), ("snacks", "零食"), ("dairy", "乳品")),
    *(("fruit", "水果"), ("seafood", "海鲜"), ("skincare", "护肤"), ("makeup", "彩妆"), ("perfume", "香水")),
    *(("diapers", "纸尿裤"), ("toys", "玩具"), ("books", "图书"), ("phones", "手机"), ("laptops", "电脑")),
    *(("cameras", "相机"), ("games", "游戏"), ("shoes", "鞋"), ("dresses", "连衣裙"), ("jackets", "外套")),
    *(("running", "跑步"), ("yoga", "瑜伽"), ("camping", "露营"), ("cycling", "骑行"), ("travel", "旅行")),
    *(("furniture", "家具"), ("kitchen", "厨具"), ("garden", "园艺"), ("cats", "猫"), ("dogs", "狗")),
)
_SIGNALS = (
    *(
        ("browsed_7d", "近7天浏览过", "browsed {} in 7 days"),
        ("browsed_30d", "近30天浏览过", "browsed {} in 30 days"),
    ),
    *(
        ("browsed_90d", "近90天浏览过", "browsed {} in 90 days"),
        ("carted_7d", "近7天加购过", "carted {} in 7 days"),
    ),
    *(
        ("carted_30d", "近30天加购过", "carted {} in 30 days"),
        ("bought_30d", "近30天买过", "bought {} in 30 days"),
    ),
    *(
        ("bought_90d", "近90天买过", "bought {} in 90 days"),
        ("bought_365d", "近365天买过", "bought {} in 365 days"),
    ),
    *(
        ("searched_30d", "近30天搜索过", "searched {} in 30 days"),
        ("shared_30d", "近30天分享过", "shared {} in 30 days"),
    ),
    *(("favourite", "收藏过", "has a favourite in {}"), ("repeat_buyer", "复购", "buys {} again")),
    *(
        ("first_time", "首次购买", "bought {} for the first time"),
        ("high_spender", "高消费", "spends much on {}"),
    ),
    *(
        ("bargain_hunter", "爱促销", "buys {} on offer"),
        ("brand_loyal", "忠于品牌：", "keeps to one brand of {}"),
    ),
    *(("brand_switcher", "常换品牌：", "changes brands of {}"), ("reviewer", "写过评价：", "reviewed {}")),
    *(("returner", "退过货：", "returned {}"), ("gift_giver", "送礼：", "gives {} as a present")),
    *(("night_buyer", "夜间购买", "buys {} at night"), ("weekend_buyer", "周末购买", "buys {} at weekends")),
    *(
        ("app_only", "只在应用买", "buys {} in the app only"),
        ("store_only", "只在门店买", "buys {} in stores only"),
    ),
    *(("coupon_user", "用券购买", "buys {} with coupons"), ("subscriber", "订阅", "subscribes to {}")),
    *(("early_adopter", "尝鲜：", "tries new {} early"), ("at_risk", "流失预警：", "may leave {}")),
    *(
        ("high_potential", "高潜：", "high potential in {}"),
        ("lookalike", "相似人群：", "looks like buyers of {}"),
    ),
)
#: The 900 boolean tags: a name and a label each.
TAGS: tuple[tuple[str, Label], ...] = tuple(
    (f"{interest}_{signal}", Label(f"{zh}{word}", en.format(interest)))
    for interest, word in _INTERESTS
    for signal, zh, en in _SIGNALS
)

_SCALES = (
    ("stage", "阶段", "stage", "认知|兴趣|购买|忠诚"),
    ("price_band", "价位", "price band", "低|中|高"),
    ("frequency", "频次", "frequency", "从不|偶尔|每月|每周|每天"),
    ("preference", "偏好度", "preference", "弱|中|强"),
    ("season", "季节", "season", "春|夏|秋|冬"),
)
#: The 100 text tags of few values: name, label and values.
TEXT_TAGS: tuple[tuple[str, Label, tuple[str, ...]], ...] = tuple(
    (f"{interest}_{scale}", Label(f"{word}{zh}", f"{interest} {en}"), tuple(values.split("|")))
    for interest, word in _INTERESTS[:20]
    for scale, zh, en, values in _SCALES
)

DEPARTMENTS = next(a for a in ATTRIBUTES if a.name == "preferred_department").texts
KEYWORDS = tuple(word for _, word in _INTERESTS)
CHANNELS = next(a for a in ATTRIBUTES if a.name == "channel").texts

#: The seven types: name, label, share of all events, and the properties of each.
EVENTS: tuple[tuple[str, Label, float, tuple[str, ...]], ...] = (
    ("browse", Label("浏览", "browse"), 0.46, ("item_id", "department")),
    ("cart", Label("加购", "add to cart"), 0.13, ("item_id", "department")),
    (
        "purchase",
        Label("购买", "purchase"),
        0.12,
        ("item_id", "department", "paid_amount", "quantity"),
    ),
    ("search", Label("搜索", "search"), 0.11, ("keyword",)),
    ("favourite", Label("收藏", "favourite"), 0.05, ("item_id", "department")),
    ("login", Label("登录", "log in"), 0.10, ("channel",)),
    ("share", Label("分享", "share"), 0.03, ("item_id", "department", "channel")),
)

PROPERTIES: dict[str, tuple[str, Label, str]] = {
    "item_id": ("text", Label("商品", "item"), ""),
    "department": ("text", Label("部门", "department"), ""),
    "paid_amount": ("number", Label("实付金额", "paid amount"), "CNY"),
    "quantity": ("number", Label("件数", "quantity"), "items"),
    "keyword": ("text", Label("关键词", "keyword"), ""),
    "channel": ("text", Label("渠道", "channel"), ""),
}
