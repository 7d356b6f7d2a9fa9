"""Tags about what people buy and with which coupons, and the recorded attributes."""

from __future__ import annotations

from qa_lib.profiles.tags import Family, TagSpec, amount, count, rate
from qa_lib.tables import Label

#: The departments that get tags of their own: the eight with the largest revenue of the demo year.
DEPARTMENTS: dict[str, tuple[str, Label]] = {
    "GROCERY": ("grocery", Label("杂货", "Grocery")),
    "DRUG GM": ("drug_gm", Label("日化百货", "Drug and general merchandise")),
    "FUEL": ("fuel", Label("加油", "Fuel")),
    "PRODUCE": ("produce", Label("果蔬", "Produce")),
    "MEAT": ("meat", Label("鲜肉", "Meat")),
    "MEAT-PCKGD": ("packaged_meat", Label("包装肉", "Packaged meat")),
    "DELI": ("deli", Label("熟食", "Deli")),
    "PASTRY": ("pastry", Label("烘焙", "Pastry")),
}
_WINDOWS = (7, 30, 90)


def _department_columns() -> str:
    parts = []
    for name, (slug, _) in DEPARTMENTS.items():
        for n in _WINDOWS:
            where = f"department = '{name}' AND occurred_at >= $as_of - INTERVAL {n} DAY"
            parts.append(
                f"CAST(sum(paid_amount) FILTER ({where}) AS DECIMAL(18,2)) AS {slug}_spend_amount_{n}d"
            )
            parts.append(f"count(DISTINCT order_id) FILTER ({where}) AS {slug}_visit_count_{n}d")
    return ",\n        ".join(parts)


DEPARTMENT = Family(
    "department",
    Label("部门消费", "By department"),
    tuple(
        tag
        for slug, label in DEPARTMENTS.values()
        for n in _WINDOWS
        for tag in (
            amount(
                f"{slug}_spend_amount_{n}d",
                f"近{n}天{label.zh}消费额",
                f"{label.en} spend in {n} days",
                f"{n} days",
            ),
            count(
                f"{slug}_visit_count_{n}d",
                f"近{n}天{label.zh}到店次数",
                f"{label.en} visits in {n} days",
                f"{n} days",
                "orders",
            ),
        )
    ),
    f"""
    SELECT person_no,
        {_department_columns()}
    FROM event_purchase
    WHERE occurred_at >= $as_of - INTERVAL {max(_WINDOWS)} DAY
    GROUP BY person_no
    """,
)

PREFERENCE = Family(
    "preference",
    Label("偏好", "Preference"),
    (
        TagSpec(
            name="preferred_department",
            label_zh="偏好部门",
            label_en="Preferred department",
            type="text",
            form="preference",
            window="90 days",
            description_zh="近 90 天消费额最高的部门；并列取字母序在前者",
            description_en="The department with the largest spend in 90 days; equal spend goes by the alphabet",
        ),
        TagSpec(
            name="preferred_store",
            label_zh="偏好门店",
            label_en="Preferred store",
            type="text",
            form="preference",
            window="365 days",
            description_zh="近 365 天订单最多的门店；并列取编号在前者",
            description_en="The store with the most orders in 365 days; equal counts go by the number as text",
        ),
        TagSpec(
            name="departments_90d",
            label_zh="近90天买过的部门",
            label_en="Departments bought in 90 days",
            type="list",
            form="preference",
            window="90 days",
        ),
        rate("private_label_rate", "自有品牌占比", "Private-label share of spend", "365 days"),
        TagSpec(
            name="is_fuel_buyer",
            label_zh="加油顾客",
            label_en="Fuel buyer",
            type="boolean",
            form="rule",
            window="365 days",
        ),
    ),
    """
    WITH lines AS (
        SELECT *, occurred_at >= $as_of - INTERVAL 90 DAY AS in_90
        FROM event_purchase
        WHERE occurred_at >= $as_of - INTERVAL 365 DAY
    ),
    by_department AS (
        SELECT person_no, department, sum(paid_amount) AS spend
        FROM lines WHERE in_90 AND department IS NOT NULL GROUP BY ALL
    ),
    first_department AS (
        SELECT person_no, department AS preferred_department FROM by_department WHERE spend > 0
        QUALIFY row_number() OVER (PARTITION BY person_no ORDER BY spend DESC, department) = 1
    ),
    by_store AS (
        SELECT person_no, store_id, count(*) AS orders
        FROM event_visit WHERE occurred_at >= $as_of - INTERVAL 365 DAY GROUP BY ALL
    ),
    first_store AS (
        SELECT person_no, store_id AS preferred_store FROM by_store
        QUALIFY row_number() OVER (PARTITION BY person_no ORDER BY orders DESC, store_id) = 1
    ),
    per_person AS (
        SELECT person_no,
            list_sort(list_distinct(list(department) FILTER (in_90 AND department IS NOT NULL))) AS departments,
            CAST(sum(paid_amount) FILTER (brand = 'Private') AS DOUBLE) AS private_spend,
            CAST(sum(paid_amount) FILTER (brand IS NOT NULL) AS DOUBLE) AS branded_spend,
            bool_or(coalesce(department = 'FUEL', false)) AS is_fuel_buyer
        FROM lines GROUP BY person_no
    )
    SELECT p.person_no, preferred_department, preferred_store,
        CASE WHEN len(departments) > 0 THEN departments END AS departments_90d,
        coalesce(private_spend, 0) / nullif(branded_spend, 0) AS private_label_rate,
        coalesce(is_fuel_buyer, false) AS is_fuel_buyer
    FROM people p
    LEFT JOIN per_person USING (person_no)
    LEFT JOIN first_department USING (person_no)
    LEFT JOIN first_store USING (person_no)
    """,
)

COUPON = Family(
    "coupon",
    Label("优惠券与活动", "Coupons and campaigns"),
    (
        count(
            "redemption_count_365d", "近365天核销次数", "Coupons redeemed in 365 days", "365 days", "coupons"
        ),
        TagSpec(
            name="days_since_redemption",
            label_zh="距最近核销天数",
            label_en="Days since the last redemption",
            type="number",
            form="days_since",
            unit="days",
        ),
        count("campaign_received_count", "收到活动数", "Campaigns received", "ever", "campaigns"),
        count("campaign_redeemed_count", "核销过的活动数", "Campaigns redeemed", "ever", "campaigns"),
        rate("campaign_redeemed_rate", "活动核销率", "Share of received campaigns redeemed", "ever"),
        rate("coupon_order_rate", "用券订单占比", "Share of orders with a coupon", "365 days"),
        amount("coupon_amount_365d", "近365天优惠券抵扣", "Coupon discount in 365 days", "365 days"),
    ),
    """
    WITH redeemed AS (
        SELECT person_no,
            count(*) FILTER (occurred_at >= $as_of - INTERVAL 365 DAY) AS redemption_count_365d,
            (epoch_us($as_of) - epoch_us(max(occurred_at))) // 86400000000 AS days_since_redemption,
            count(DISTINCT campaign_id) AS campaign_redeemed_count,
            count(DISTINCT campaign_id) FILTER ((person_no, campaign_id) IN (SELECT (person_no, campaign_id) FROM event_receive))
                AS received_and_redeemed
        FROM event_redeem GROUP BY person_no
    ),
    received AS (
        SELECT person_no, count(DISTINCT campaign_id) AS campaign_received_count
        FROM event_receive GROUP BY person_no
    ),
    orders AS (
        SELECT person_no,
            CAST(count(*) FILTER (coupon_amount > 0) AS DOUBLE) / count(*) AS coupon_order_rate,
            CAST(sum(coupon_amount) AS DECIMAL(18,2)) AS coupon_amount_365d
        FROM event_visit WHERE occurred_at >= $as_of - INTERVAL 365 DAY GROUP BY person_no
    )
    SELECT p.person_no, redemption_count_365d, days_since_redemption, campaign_received_count,
        campaign_redeemed_count,
        CAST(coalesce(received_and_redeemed, 0) AS DOUBLE) / campaign_received_count AS campaign_redeemed_rate,
        coupon_order_rate, coupon_amount_365d
    FROM people p
    LEFT JOIN redeemed USING (person_no)
    LEFT JOIN received USING (person_no)
    LEFT JOIN orders USING (person_no)
    """,
)


def _attribute(name: str, zh: str, en: str) -> TagSpec:
    return TagSpec(name=name, label_zh=zh, label_en=en, type="text", form="attribute", window="recorded")


DEMOGRAPHICS = Family(
    "demographics",
    Label("人口属性（部分人有记录）", "Demographics (recorded of a part)"),
    (
        _attribute("age_band", "年龄段", "Age band"),
        _attribute("income_band", "收入段", "Income band"),
        _attribute("home_ownership", "住房", "Home ownership"),
        _attribute("marital_status", "婚姻状况", "Marital status"),
        _attribute("household_size", "家庭人数", "Household size"),
        _attribute("household_composition", "家庭构成", "Household composition"),
        _attribute("kids_count", "孩子数", "Number of kids"),
    ),
    """
    SELECT person_no, age_band, income_band, home_ownership, marital_status, household_size,
        household_composition, kids_count
    FROM demographics JOIN people USING (person_id)
    """,
)
