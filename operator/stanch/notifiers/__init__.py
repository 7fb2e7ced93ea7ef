"""Every kind of channel there is. To add one: write its file, add a line here, run the tests."""

from collections.abc import Mapping
from typing import Final

from stanch.api.policy_sections import ChannelKind
from stanch.notifiers.grafana import Grafana
from stanch.notifiers.mail import Email
from stanch.notifiers.pager_duty import PagerDuty
from stanch.notifiers.ports import Notifier
from stanch.notifiers.slack import Slack
from stanch.notifiers.webhook import Webhook

ALL: Final[Mapping[ChannelKind, Notifier]] = {
    ChannelKind.SLACK: Slack(),
    ChannelKind.EMAIL: Email(),
    ChannelKind.WEBHOOK: Webhook(),
    ChannelKind.PAGER_DUTY: PagerDuty(),
    ChannelKind.GRAFANA: Grafana(),
}
