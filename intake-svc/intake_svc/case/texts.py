"""What a restore could not bring back of a case, in words."""

from chassis.learning import Finding

PERSON_LOST = Finding(
    rule="restore.person-lost",
    zh="办件在办,但申请人信息、表单和材料已随数据库丢失:请收件窗口联系申请人补录(POST /v1/cases/{no}/re-entry),证照须待补录后方可生成",
    en="The case goes on, but applicant, form and materials are lost: the receiving window must ask for them and enter them again "
    "(POST /v1/cases/{no}/re-entry); no credential before that",
)
SUPPLEMENT_LOST = Finding(
    rule="restore.supplement-lost",
    zh="补正内容已丢失:请重新索取并补录(POST /v1/cases/{no}/re-entry)",
    en="What was supplemented is lost: ask for it again and enter it (POST /v1/cases/{no}/re-entry)",
)
