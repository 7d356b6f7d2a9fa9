"""The words on the charts and the live screen of the stream, once, in both languages."""

from __future__ import annotations

from qa_lib.tables import Label

#: Read by `qa_lib.charts.words.say` beside its own.
STREAM_WORDS: dict[str, Label] = {
    "title_stream": Label("实时事件流", "The stream, live"),
    "title_rate": Label("每秒事件数", "Events a second"),
    "sub_rate": Label("最近两分钟", "The last two minutes"),
    "title_entered": Label("由事件带入各人群的人", "People whom the stream brought into audiences"),
    "sub_entered": Label(
        "条长为仍在其中的人；+ 进入，− 离开（自打开本页起）",
        "Bar: who is still in; + entered, − left since this page was opened",
    ),
    "title_views": Label("一个人的事件：批与流", "One person's events: batch and live"),
    "sub_views": Label("每个事件恰在其中一个视图", "Every event is in exactly one of the two views"),
    "batch_view": Label("批视图", "Batch view"),
    "live_view": Label("实时视图", "Live view"),
    "title_survival": Label("消费进程被反复 kill -9", "A consumer under kill -9"),
    "sub_survival": Label("已确认事件；叉为被杀死的时刻", "Events acknowledged; a cross where it was killed"),
    "seconds_past": Label("秒", "Seconds"),
    "seconds_ago": Label("秒前", "Seconds ago"),
    "event_rate": Label("事件/秒", "Events/s"),
    "acknowledged_count": Label("已确认事件", "Events acknowledged"),
    "stream_duplicates": Label("另有 {count} 个重复未计", "{count} duplicates left out"),
    "stream_lag": Label("待处理事件", "Events waiting"),
    "newest_age": Label("最新事件到达于", "Newest event arrived"),
    "members": Label("消费进程", "Consumers"),
    "people_in": Label("被带入人群", "Brought into audiences"),
    "dead_letter_count": Label("死信", "Dead letters"),
    "entered": Label("进入", "Entered"),
    "moved_out": Label("离开", "Left"),
    "partition_offset": Label("分区 / 位置", "Partition / offset"),
    "refused_because": Label("拒收原因", "Refused because"),
    "age_of_figures": Label("本页数字为 {age} 秒前", "Figures of {age} s ago"),
    "age_stopped": Label("数字已停止更新：{age} 秒前", "Figures have stopped: {age} s ago"),
    "seconds_before": Label("{count} 秒前", "{count} s ago"),
    "nobody_consumes": Label(
        "没有进程在消费：事件在日志中等待。用 qa stream run 启动。",
        "Nobody consumes: events wait in the log. Start `qa stream run`.",
    ),
    "not_streamed": Label(
        "此工作区还没有消费过事件流。用 qa stream run 启动后本页自动开始。",
        "No stream was consumed in this workspace yet. Start `qa stream run`; this page then begins by itself.",
    ),
}
