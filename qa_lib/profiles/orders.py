"""Tags about orders: how much, how often, how recent; RFM and its cube; the life-cycle stage."""

from __future__ import annotations

from qa_lib.profiles.tags import Family, TagSpec, amount, count, rate
from qa_lib.tables import Label

VALUE = Label("价值", "Value")

ORDERS = Family(
    "orders",
    VALUE,
    (
        *(
            tag
            for n in (30, 90, 365)
            for tag in (
                count(f"order_count_{n}d", f"近{n}天订单数", f"Orders in {n} days", f"{n} days", "orders"),
                amount(f"spend_amount_{n}d", f"近{n}天消费额", f"Spend in {n} days", f"{n} days"),
            )
        ),
        TagSpec(
            name="average_order_value",
            label_zh="客单价",
            label_en="Average order value",
            type="number",
            form="formula",
            unit="USD",
            window="365 days",
            description_zh="近365天消费额除以订单数，四舍五入到分",
            description_en="Spend divided by orders of the last 365 days, rounded to the cent",
        ),
        TagSpec(
            name="items_per_order",
            label_zh="单均商品种数",
            label_en="Items per order",
            type="number",
            form="formula",
            unit="items",
            window="365 days",
        ),
        rate(
            "discount_rate_365d",
            "优惠占比",
            "Discount share",
            "365 days",
            description_zh="优惠 /（实付 + 优惠）",
            description_en="Discounts over paid amount plus discounts",
        ),
        TagSpec(
            name="first_order_on",
            label_zh="首次下单日",
            label_en="First order on",
            type="date",
            form="first_last",
            description_zh="工作区时区的日期；数据始于 2017-01-01，此前的订单未记录",
            description_en="A day in the workspace's zone; orders before the first landed day are not recorded",
        ),
        TagSpec(
            name="last_order_on",
            label_zh="最近下单日",
            label_en="Last order on",
            type="date",
            form="first_last",
        ),
        TagSpec(
            name="recency_days",
            label_zh="距最近下单天数",
            label_en="Days since the last order",
            type="number",
            form="days_since",
            unit="days",
        ),
        TagSpec(
            name="tenure_days",
            label_zh="距首次下单天数",
            label_en="Days since the first order",
            type="number",
            form="days_since",
            unit="days",
        ),
        count("active_month_count", "近365天活跃月数", "Active months in 365 days", "365 days", "months"),
        count("store_count_365d", "近365天到访门店数", "Stores visited in 365 days", "365 days", "stores"),
        rate("weekend_order_rate", "周末订单占比", "Weekend share of orders", "365 days"),
        rate(
            "evening_order_rate",
            "晚间订单占比",
            "Evening share of orders",
            "365 days",
            description_zh="当地 18 点及以后",
            description_en="At or after 18:00 local time",
        ),
        TagSpec(
            name="usual_gap_days",
            label_zh="平均下单间隔",
            label_en="Usual days between orders",
            type="number",
            form="formula",
            unit="days",
            window="365 days",
        ),
    ),
    """
    WITH visits AS (
        SELECT *, occurred_at AT TIME ZONE $zone AS local_at,
               occurred_at >= $as_of - INTERVAL 365 DAY AS in_365,
               occurred_at >= $as_of - INTERVAL 90 DAY AS in_90,
               occurred_at >= $as_of - INTERVAL 30 DAY AS in_30
        FROM event_visit
    )
    SELECT person_no,
        count(*) FILTER (in_30) AS order_count_30d,
        count(*) FILTER (in_90) AS order_count_90d,
        count(*) FILTER (in_365) AS order_count_365d,
        CAST(sum(paid_amount) FILTER (in_30) AS DECIMAL(18,2)) AS spend_amount_30d,
        CAST(sum(paid_amount) FILTER (in_90) AS DECIMAL(18,2)) AS spend_amount_90d,
        CAST(sum(paid_amount) FILTER (in_365) AS DECIMAL(18,2)) AS spend_amount_365d,
        -- whole cents, a half goes up: a quotient of doubles would round some halves down
        CAST((CAST(200 * sum(paid_amount) FILTER (in_365) AS BIGINT) + count(*) FILTER (in_365))
            // nullif(2 * count(*) FILTER (in_365), 0) / 100 AS DECIMAL(18,2)) AS average_order_value,
        CAST(sum(item_count) FILTER (in_365) AS DOUBLE) / nullif(count(*) FILTER (in_365), 0) AS items_per_order,
        CAST(sum(discount_amount) FILTER (in_365) AS DOUBLE)
            / nullif(CAST(sum(paid_amount + discount_amount) FILTER (in_365) AS DOUBLE), 0) AS discount_rate_365d,
        CAST(min(local_at) AS DATE) AS first_order_on,
        CAST(max(local_at) AS DATE) AS last_order_on,
        (epoch_us($as_of) - epoch_us(max(occurred_at))) // 86400000000 AS recency_days,
        (epoch_us($as_of) - epoch_us(min(occurred_at))) // 86400000000 AS tenure_days,
        count(DISTINCT date_trunc('month', local_at)) FILTER (in_365) AS active_month_count,
        count(DISTINCT store_id) FILTER (in_365) AS store_count_365d,
        CAST(count(*) FILTER (in_365 AND isodow(local_at) >= 6) AS DOUBLE)
            / nullif(count(*) FILTER (in_365), 0) AS weekend_order_rate,
        CAST(count(*) FILTER (in_365 AND hour(local_at) >= 18) AS DOUBLE)
            / nullif(count(*) FILTER (in_365), 0) AS evening_order_rate,
        (epoch_us(max(occurred_at) FILTER (in_365)) - epoch_us(min(occurred_at) FILTER (in_365))) / 86400000000
            / nullif(count(*) FILTER (in_365) - 1, 0) AS usual_gap_days
    FROM visits
    GROUP BY person_no
    """,
)

_SCORE_ZH = "1 到 5 分：在有订单者中按名次五等分，并列同分"
_SCORE_EN = "1 to 5: fifths by rank among people with orders, equal values score alike"


def _score(name: str, zh: str, en: str) -> TagSpec:
    return TagSpec(
        name=name,
        label_zh=zh,
        label_en=en,
        type="number",
        form="formula",
        unit="points",
        window="365 days",
        description_zh=_SCORE_ZH,
        description_en=_SCORE_EN,
    )


RFM = Family(
    "rfm",
    VALUE,
    (
        _score("rfm_recency_score", "RFM 近度分", "RFM recency score"),
        _score("rfm_frequency_score", "RFM 频度分", "RFM frequency score"),
        _score("rfm_monetary_score", "RFM 额度分", "RFM monetary score"),
        TagSpec(
            name="rfm_segment",
            label_zh="RFM 分群",
            label_en="RFM segment",
            type="text",
            form="rule",
            window="365 days",
            description_zh="近度、频度、额度各与有订单者的均值比，高 H 低 L，共 8 类；近度高指更近",
            description_en="Recency, frequency and amount each against the mean of people with orders: "
            "H or L, eight cells; high recency is recent",
        ),
    ),
    """
    WITH buyers AS (
        SELECT person_no, recency_days AS r, order_count_365d AS f, spend_amount_365d AS m
        FROM family_orders
        WHERE order_count_365d > 0
    ),
    ranked AS (
        SELECT *,
            1 + (5 * (rank() OVER (ORDER BY r DESC) - 1)) // count(*) OVER () AS rfm_recency_score,
            1 + (5 * (rank() OVER (ORDER BY f) - 1)) // count(*) OVER () AS rfm_frequency_score,
            1 + (5 * (rank() OVER (ORDER BY m) - 1)) // count(*) OVER () AS rfm_monetary_score,
            CASE WHEN r < avg(r) OVER () THEN 'H' ELSE 'L' END
                || CASE WHEN f > avg(f) OVER () THEN 'H' ELSE 'L' END
                || CASE WHEN m > avg(m) OVER () THEN 'H' ELSE 'L' END AS cell
        FROM buyers
    )
    SELECT person_no, rfm_recency_score, rfm_frequency_score, rfm_monetary_score,
        cell || ' ' || CASE cell
            WHEN 'HHH' THEN '重要价值' WHEN 'LHH' THEN '重要保持' WHEN 'HLH' THEN '重要发展'
            WHEN 'LLH' THEN '重要挽留' WHEN 'HHL' THEN '一般价值' WHEN 'LHL' THEN '一般保持'
            WHEN 'HLL' THEN '一般发展' ELSE '一般挽留' END AS rfm_segment
    FROM ranked
    """,
)

LIFECYCLE = Family(
    "lifecycle",
    Label("生命周期", "Life cycle"),
    (
        TagSpec(
            name="lifecycle_stage",
            label_zh="生命周期阶段",
            label_en="Life-cycle stage",
            type="text",
            form="rule",
            description_zh="依次取首个成立者：未购；新客（首单不足 60 天）；活跃（30 天内下单）；放缓（60 天内）；"
            "沉睡（120 天内）；流失",
            description_en="The first that holds: never bought; new (first order under 60 days ago); active "
            "(order within 30 days); slowing (60); dormant (120); lost",
        ),
        TagSpec(
            name="spend_trend_rate",
            label_zh="消费变化率",
            label_en="Change of spend",
            type="number",
            form="formula",
            window="180 days",
            description_zh="近 90 天消费额与再前 90 天之比减 1",
            description_en="Spend of the last 90 days over that of the 90 days before, minus 1",
        ),
        TagSpec(
            name="is_churn_warning",
            label_zh="流失预警",
            label_en="Churn warning",
            type="boolean",
            form="rule",
            description_zh="常客（365 天内至少 6 单）未下单的天数超过平常间隔的 3 倍且超过 21 天；规则而非模型",
            description_en="A regular (6 orders in 365 days) away for over 3 times the usual gap and over 21 "
            "days; a rule, not a model",
        ),
    ),
    """
    WITH before AS (
        SELECT person_no, sum(paid_amount) AS spend_before
        FROM event_visit
        WHERE occurred_at >= $as_of - INTERVAL 180 DAY AND occurred_at < $as_of - INTERVAL 90 DAY
        GROUP BY person_no
    )
    SELECT p.person_no,
        CASE
            WHEN o.person_no IS NULL THEN '未购 never bought'
            WHEN o.tenure_days < 60 THEN '新客 new'
            WHEN o.recency_days < 30 THEN '活跃 active'
            WHEN o.recency_days < 60 THEN '放缓 slowing'
            WHEN o.recency_days < 120 THEN '沉睡 dormant'
            ELSE '流失 lost'
        END AS lifecycle_stage,
        CAST(coalesce(o.spend_amount_90d, 0) AS DOUBLE) / nullif(CAST(b.spend_before AS DOUBLE), 0) - 1
            AS spend_trend_rate,
        coalesce(o.order_count_365d >= 6 AND o.recency_days > 3 * o.usual_gap_days AND o.recency_days > 21, false)
            AS is_churn_warning
    FROM people p
    LEFT JOIN family_orders o USING (person_no)
    LEFT JOIN before b USING (person_no)
    """,
)
