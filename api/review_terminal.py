"""Reviewing in a terminal: a triple, a key, the next triple."""

import uuid
from collections.abc import Callable

import click

from api.output import printable
from api.review_cards import Card, Excerpt
from api.review_desk import Desk, Progress
from api.review_server import reviewer_name
from kg.reviews import SCALE

_HELP = "o outdated   f offensive   s skip   u undo   q quit"


def review_in_terminal(desk: Desk, reviewer: str, key: Callable[[], str] = click.getchar) -> int:
    """Shows triples and takes keys until q, or until nothing is left; returns the reviewer's number of labels."""
    reviewer = reviewer_name(reviewer)
    while card := desk.next(reviewer):
        _show(card, desk.progress(reviewer))
        marks = {"outdated": False, "offensive": False}
        while True:
            pressed = key().lower()
            if pressed in ("q", "\x04", ""):
                return desk.progress(reviewer).mine
            if pressed in ("o", "f"):
                name = "outdated" if pressed == "o" else "offensive"
                marks[name] = not marks[name]
                click.echo(f"  {name}: {'yes' if marks[name] else 'no'}")
            elif _take(desk, reviewer, card, pressed, marks):
                break
    click.echo("Nothing is left to review.")
    return desk.progress(reviewer).mine


def _take(desk: Desk, reviewer: str, card: Card, pressed: str, marks: dict[str, bool]) -> bool:
    """Does what the key says; False for a key that says nothing."""
    act_id = uuid.uuid4().hex
    if pressed.isdecimal() and int(pressed) in SCALE:
        desk.take(act_id, reviewer, "label", card.triple_id, int(pressed), marks["outdated"], marks["offensive"])
        click.echo(f"  {pressed} {SCALE[int(pressed)]}")
    elif pressed == "s":
        desk.take(act_id, reviewer, "skip", card.triple_id)
        click.echo("  skipped")
    elif pressed == "u" and (last := desk.progress(reviewer).last):
        desk.take(act_id, reviewer, "undo", last.triple_id, undoes=last.id)
        click.echo("  undone")
    else:
        return False
    return True


def _show(card: Card, progress: Progress) -> None:
    style, safe = click.style, printable
    sentence = f"{style(safe(card.head), bold=True)}{'' if card.join.startswith(',') else ' '}{safe(card.join)} "
    click.echo(f"\n{style(f'{progress.all} labels, {progress.left} to go', dim=True)}\n")
    if card.denied:
        click.echo(style("NOT SO: the claim is that this does not hold", fg="red"))
    click.echo(sentence + style(safe(card.tail), bold=True, fg="cyan"))
    if card.excerpt:
        click.echo(_source(card.excerpt))
    click.echo("\n" + "\n".join(f"  {style(str(n), bold=True)} {text}" for n, text in SCALE.items()))
    click.echo(style(f"  {_HELP}", dim=True))


def _source(e: Excerpt) -> str:
    said = f"{_dim(e.before)}{printable(e.begin)}{click.style(printable(e.marked), reverse=True)}{printable(e.end)}"
    return f"\n{_dim(e.question)}\n{said}{_dim(e.after)}"


def _dim(text: str) -> str:
    return click.style(printable(text), dim=True)
