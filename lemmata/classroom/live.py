"""The live page of a paper's demonstrations, a marimo app: the address ends with the paper's name."""
# marimo hands cells their arguments without annotations
# pyright: basic

import marimo

app = marimo.App(width="full", app_title="Lemmata classroom")


@app.cell
def _():
    import marimo as mo

    from lemmata.catalogue import PaperFloors
    from lemmata.classroom.lesson import STYLE, Lesson
    from lemmata.classroom.serving import warm
    from lemmata.classroom.widgets import paper_of, widgets

    return STYLE, Lesson, PaperFloors, mo, paper_of, warm, widgets


@app.cell
def _(mo, paper_of, warm):
    paper = paper_of(mo.app_meta().request)
    with mo.status.spinner(title="Getting ready", remove_on_exit=True):
        warm(paper)
    return (paper,)


@app.cell
def _(PaperFloors, STYLE, mo, paper):
    floors = PaperFloors(paper)
    demos = {entry.item.title: entry.item for entry in floors.demos}
    chosen = mo.ui.radio(list(demos), value=next(iter(demos)), inline=True)
    mo.vstack([mo.Html(STYLE), mo.md(f"**{floors.title}** · [all papers](/)"), chosen])
    return chosen, demos


# A cell that uses a control runs again when it moves, unless it is the one that defines it: so this one shows the
# controls and the buttons too, and a move runs nothing but the painting.
@app.cell
def _(Lesson, chosen, demos, mo, widgets):
    demo = demos[chosen.value]
    lesson = Lesson(demo)
    controls = widgets(mo, demo)
    version, set_version = mo.state(0)

    def draw(_):
        lesson.draw(controls.value)
        set_version(lambda count: count + 1)

    def clear(_):
        lesson.clear()
        set_version(lambda count: count + 1)

    narrow = {"max-width": "100%", "overflow-x": "auto"}  # a choice does not wrap
    buttons = [
        mo.ui.button(label="Draw", kind="success", on_click=draw, tooltip="Let simulated points fall"),
        mo.ui.button(label="Clear", on_click=clear, tooltip="Take the points away"),
    ]
    moved = [mo.style(element, narrow) for element in controls.elements.values()]
    mo.vstack(
        [
            mo.md(f"## {demo.title}\n\n{demo.story}"),
            mo.callout(mo.md(f"**First ask.** {demo.ask}"), kind="info"),
            mo.hstack(
                moved + buttons if demo.dots else moved, wrap=True, justify="start", align="center", gap=1.25
            ),
        ]
    )
    return controls, demo, lesson, version


@app.cell
def _(controls, lesson, mo, version):
    version()
    mo.Html(lesson.paint(controls.value))
    return


@app.cell
def _(demo, mo):
    mo.vstack(
        [
            mo.accordion({"What they will see, and why": mo.md(demo.answer)}),
            mo.md(f"*{demo.note}*" if demo.note else ""),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
