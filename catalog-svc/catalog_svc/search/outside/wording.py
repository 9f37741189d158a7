"""Half sentences taken apart: what people say around their matter, the everyday words in it, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

FILLERS = frozenset(
    [
        "我想问一下",
        "我想问",
        "想问一下",
        "想问",
        "问一下",
        "请问一下",
        "请问",
        "麻烦",
        "你好",
        "您好",
        "打听",
        "咨询",
        "我想",
        "我要",
        "我们要",
        "我们",
        "你们",
        "他们",
        "自己家",
        "想要",
        "想",
        "要不要",
        "需要",
        "要",
        "怎么弄",
        "怎么办",
        "怎么搞",
        "咋办",
        "咋弄",
        "咋",
        "怎么",
        "怎样",
        "如何",
        "什么时候",
        "什么",
        "啥",
        "哪里",
        "哪儿",
        "在哪",
        "去哪",
        "哪",
        "多少",
        "多久",
        "几天",
        "有没有",
        "能不能",
        "可不可以",
        "可以",
        "能",
        "行不行",
        "是不是",
        "需要什么材料",
        "什么材料",
        "带什么材料",
        "材料",
        "要带什么",
        "手续",
        "流程",
        "条件",
        "一下",
        "一个",
        "一张",
        "一本",
        "一块",
        "一份",
        "一家",
        "那个",
        "这个",
        "这边",
        "那边",
        "这里",
        "那里",
        "这",
        "那",
        "吗",
        "呢",
        "吧",
        "啊",
        "呀",
        "了",
        "的",
        "地",
        "得",
        "着",
        "过",
        "和",
        "跟",
        "与",
        "及",
        "或",
        "在",
        "到",
        "去",
        "来",
        "给",
        "把",
        "被",
        "让",
        "从",
        "向",
        "往",
        "对",
        "为",
        "是",
        "有",
        "没有",
        "也",
        "都",
        "还",
        "就",
        "又",
        "再",
        "才",
        "很",
        "太",
        "已经",
        "快要",
        "马上",
        "刚刚",
        "刚",
        "后",
        "前",
        "时",
        "两个人",
        "一个人",
        "有人",
        "人家",
        "别人",
        "大家",
        "的话",
        "会不会",
        "要多",
        "需不需要",
        "满",
        "另",
        "另外",
        "另一个",
        "哪个",
        "哪种",
        "我",
        "你",
        "他",
        "她",
        "它",
        "谁",
        "您",
        "个",
        "只",
        "些",
        "里",
        "上",
        "下",
        "中",
        "以前",
        "现在",
        "后来",
        "之前",
        "之后",
        "打算",
        "准备",
        "应该",
        "帮我",
        "帮",
        "说",
        "叫",
        "弄",
        "搞",
        "做",
        "去办",
        "办",
        "办理",
        "申请",
        "想办",
        "先",
        "每",
        "请",
    ]
)
"""Words of a question that say nothing about its matter; given up for a longer word that says something."""

LONGEST = 12
"""Characters of the longest word that is looked for."""


def pieces(run: str, *, words: Collection[str], known: Callable[[str], bool]) -> Iterator[str]:
    """A run of characters as everyday words and what stands between them; fillers part and are dropped.

    Args:
        run: Characters without a space.
        words: Everyday words and standard terms.
        known: Whether two characters stand side by side in the directory: a filler of one character is none there.
    """
    start = at = 0
    while at < len(run):
        word = _longest(run, at, words) or _filler(run, at, known)
        if not word:
            at += 1
            continue
        if start < at:
            yield run[start:at]
        if word in words:
            yield word
        at = start = at + len(word)
    if start < len(run):
        yield run[start:]


def _longest(run: str, at: int, words: Collection[str]) -> str:
    return next((run[at : at + size] for size in range(min(LONGEST, len(run) - at), 0, -1) if run[at : at + size] in words), "")


def _filler(run: str, at: int, known: Callable[[str], bool]) -> str:
    word = _longest(run, at, FILLERS)
    if len(word) == 1 and (known(run[at - 1 : at + 1]) if at else False):
        return ""
    return "" if len(word) == 1 and known(run[at : at + 2]) else word
