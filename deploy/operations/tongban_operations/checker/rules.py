"""What must hold of a system at rest, each rule with its sentence in Chinese and English."""

from collections.abc import Mapping
from types import MappingProxyType

RULES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "lost.promise": ("已答复调用方的内容应当在库", "What a caller was answered is in the database"),
        "lost.life": ("已告知办结的办件应当如此办结", "A case of which an end was told has ended so"),
        "lost.event": ("事实一经入库,其事件应当在日志", "Every event that a row counts is on the log"),
        "lost.effect": ("日志上的事件应当在每个收听方生效", "Every event on the log took effect at each service that hears it"),
        "lost.case": ("各服务所知的办件应当在收件方有案", "Every case that a service knows is known to intake"),
        "lost.transfer": ("已收件的办件应当有转办", "Every case received has a transfer"),
        "lost.handling": ("已签收的转办应当有办理", "Every transfer signed for has a handling"),
        "lost.notice": ("每个行为应当有文书", "Every act has its notice"),
        "lost.sealing": ("须用印的文书应当在用印登记", "Every notice that needs a seal is known where seals are put"),
        "lost.credential": ("准予且已用印的决定应当有证照", "Every sealed decision that grants has its credential"),
        "lost.delivery": ("生效的决定应当有送达", "Every decision in force has its delivery"),
        "lost.end": ("办理终结的办件应当办结", "Every case whose handling ended is closed"),
        "lost.entry": ("发生过的事应当在办件时间线上", "What happened stands in the case's timeline"),
        "ahead.log": ("日志上的事件不应多于库中事实", "The log has no event that its sender's row does not count"),
        "doubled.event": ("同一事实只告知一次", "One fact is told by one event"),
        "doubled.position": ("一个位置只有一个事件", "One position holds one event"),
        "doubled.transfer": ("一次转办只有一行,且只有一次未了", "One hop is one transfer, and one at most is open"),
        "doubled.notice": ("一个行为只有一份文书", "One act has one notice"),
        "doubled.sealing": ("一份文书只用印一次", "One notice is sealed once"),
        "doubled.credential": ("一个决定只有一份证照", "One decision has one credential"),
        "doubled.delivery": ("一个决定只送达一次", "One decision is delivered once"),
        "doubled.entry": ("一件事在时间线上只记一次", "One thing stands in the timeline once"),
        "doubled.receipt": ("一步只有一份回执,编号连续", "One step has one receipt, and their numbers have no gap"),
        "order.position": ("同一来源、同一键的事件按位置先后", "Events of one sender and key stand in the order of their positions"),
        "order.sequence": ("一个对象的事件编号连续", "The events of one aggregate count without a gap"),
        "order.cause": ("因在果前", "A cause stands before its effect"),
        "order.partition": ("一个键只在一个分区", "A key stays in one partition"),
        "order.commit": ("同一键的位置按提交先后", "Positions of a key follow its commits"),
        "clock.missing": ("等待中的状态应当有期限在走", "Every state that waits has a clock that runs"),
        "clock.timer": ("在走的期限应当有到期的定时", "Every running clock has a timer for its end"),
        "clock.left": ("已了的办件不应有期限在走", "No clock runs for a case that is over"),
        "stuck.case": ("未办结的办件应当在等某人", "A case that is not closed waits for somebody"),
        "shown.case": ("各服务所记的收件内容应当一致", "What services keep of a receipt agrees with intake"),
        "shown.stage": ("收件方所示的环节应当与办理一致", "The stage that intake shows is the handling's"),
        "shown.state": ("办结与否应当与办理一致", "A case is closed as and when its handling ended"),
        "shown.seal": ("文书的印章应当与用印登记一致", "The seal on a notice is the one that was put"),
        "shown.credential": ("各服务所记的证照应当一致", "The credential that services name is the one that was issued"),
        "left.outbox": ("待发送的事件应当已发完", "Nothing waits to be sent"),
        "left.parked": ("不应有意外搁置的事件", "Nothing is parked that was not expected to be"),
        "left.position": ("各服务应当已听到日志末尾", "Every service has heard each key to its end"),
        "left.timer": ("定时应当属于某个期限", "Every timer of a clock has its clock"),
    }
)
"""Rule by its name, in Chinese and English."""
