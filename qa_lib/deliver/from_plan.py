"""The messages of a plan: one for each person who is to be sent to, as an adapter takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qa_lib.campaigns import Plan
from qa_lib.deliver.messages import Message

#: A campaign of one message has this step.
STEP = "1"


def messages_of(plan: Plan) -> list[Message]:
    """The messages of a plan, in the order of person ids.

    The plan's hash is the campaign's version, so that another plan's messages are others.
    """
    return [
        Message(
            campaign_id=plan.campaign.name,
            campaign_version=plan.hash,
            step=STEP,
            person_id=row["person_id"],
            channel=row["channel"],
            address=row["address"],
            content=content_of(row["channel"], json.loads(row["content"])),
            due_at=row["send_at"],
            cost_amount=row["message_cost_amount"],
        )
        for row in plan.records
        if row["reason"] is None
    ]


def content_of(channel: str, rendered: Mapping[str, str]) -> dict[str, Any]:
    """A rendered message in the fields that adapters name.

    What a plan keeps is flat text by part; an adapter knows a message by a fixed set of fields. So an
    e-mail's header becomes `unsubscribe_url`, a push notice's buttons and payload one field each, and the
    fields of a mini-program's template `fields`.
    """
    if channel == "email":
        content: dict[str, Any] = {k: v for k, v in rendered.items() if not k.startswith("List-")}
        return content | {"unsubscribe_url": rendered["List-Unsubscribe"].strip("<>")}
    if channel == "push":
        content = {k: v for k, v in rendered.items() if k in ("title", "body", "image")}
        if buttons := [rendered[k] for k in sorted(rendered) if k.startswith("button_")]:
            content["buttons"] = buttons
        payload = {k.removeprefix("payload."): v for k, v in rendered.items() if k.startswith("payload.")}
        return content | ({"payload": payload} if payload else {})
    if channel == "mini_program":
        fields = {k: v for k, v in rendered.items() if k != "template_id"}
        return {"template_id": rendered["template_id"], "fields": fields}
    return dict(rendered)
