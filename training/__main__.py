"""`python -m training`: the steps from a manifest of labelled images to a model file; README.md tells them in order."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import torch
import typer

from frontend.cli.labelled import Ignored, Labelled, Renamed, read_samples
from frontend.cores import usable_cores
from frontend.errors import LivenessError
from frontend.evaluation.samples import named
from frontend.images import RgbImage
from frontend.settings import load_settings
from training.average import average as average_of
from training.compare import as_table, figures_of, score_views
from training.errors import TrainingRefused
from training.export import export as write_onnx
from training.leave_one_source_out import Images, leave_one_source_out
from training.markdown import as_markdown
from training.network import LivenessNetwork
from training.parity import parity as measure_parity
from training.quantize import quantize as write_int8
from training.regions import find_regions
from training.split import is_held_back
from training.start import load_imagenet_weights, load_onnx_weights
from training.targets import Shares
from training.teachers import Teachers
from training.train import Recipe, lesson_of
from training.train import train as fine_tune
from training.views import load_views, make_views, save_views, training_requests
from training.workspace import Workspace

Work = Annotated[Path, typer.Option("--work", help="Folder that the steps share.")]
TwoCropModel = Annotated[Path, typer.Option("--two-crop-model", help="The float32 model with both crops.", exists=True)]
TeacherFolder = Annotated[Path, typer.Option("--teachers", help="Folder of the public networks.", exists=True)]
Threads = Annotated[int, typer.Option(min=0, help="0 is all usable cores.")]

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def regions(
    labelled: Labelled,
    work: Work,
    held_back: Annotated[float, typer.Option(min=0.05, max=0.5, help="Share that is kept for comparing.")] = 0.25,
    seed: int = 7,
    renamed: Renamed = None,
    ignored: Ignored = None,
    threads: Threads = 0,
) -> None:
    """Find every face, keep its surroundings, and hold whole subjects back; images without a face stay out."""
    samples = [s for s in read_samples(labelled, renamed or [], ignored or [], []) if s.label != "no_face"]
    sides = is_held_back(samples, held_back, seed)
    found, unreadable = find_regions(samples, threads or usable_cores())
    if unreadable:
        typer.echo(f"unreadable, left out: {named(unreadable)}; mend them, or remove them from the list", err=True)
    counts = Workspace(work).save_faces(samples, found, sides)
    typer.echo(", ".join(f"{number} {words}" for words, number in counts.items()))


@app.command()
def views(
    work: Work,
    two_crop_model: TwoCropModel,
    teachers: TeacherFolder,
    rounds: Annotated[int, typer.Option(min=1, help="Views of each image.")] = 2,
    seed: int = 1,
    threads: Threads = 0,
) -> None:
    """Make augmented views of the training images, with what every teacher says of each."""
    space = Workspace(work)
    faces = space.faces()
    requests = training_requests(faces.places(held_back=False), faces.is_live, faces.sources, rounds, seed)
    made = make_views(faces.regions, requests, Teachers(two_crop_model, teachers), threads or usable_cores())
    save_views(space.new("views.npz"), made)
    typer.echo(f"{len(requests)} views")


@app.command()
def train(
    work: Work,
    run: Annotated[str, typer.Option(help="Name of the run, a folder in the work folder.")] = "run",
    start: Annotated[Path | None, typer.Option(help="Float32 model to begin from; ImageNet without it.")] = None,
    seed: int = 1,
    epochs: Annotated[int, typer.Option(min=1)] = 6,
    learning_rate: Annotated[float, typer.Option(min=1e-7, max=1e-2)] = 1.5e-4,
    frozen_blocks: Annotated[int, typer.Option(min=0, max=15, help="Blocks that keep their weights.")] = 5,
    leave_out: Annotated[list[str] | None, typer.Option(help="A kind of views to pass over; may be repeated.")] = None,
    threads: Threads = 0,
) -> None:
    """Fine-tune the network; run the same command again to go on after an interruption."""
    torch.set_num_threads(threads or usable_cores())
    space = Workspace(work)
    recipe = Recipe(
        seed=seed,
        epochs=epochs,
        learning_rate=learning_rate,
        frozen_blocks=frozen_blocks,
        left_out=tuple(leave_out or ()),
    )
    network = LivenessNetwork(frozen_blocks)
    if start is None:
        load_imagenet_weights(network)
    else:
        load_onnx_weights(network, start, "face")
    begun_s = time.monotonic()
    lesson = lesson_of(network, load_views(space.file("views.npz", "views")), space.faces().people, recipe)
    network = fine_tune(network, lesson, recipe, space.new(f"{run}/checkpoint.pt").parent)
    torch.save(network.state_dict(), space.new(f"{run}/network.pt"))
    minutes = (time.monotonic() - begun_s) / 60
    space.write_json(f"{run}/recipe.json", asdict(recipe) | {"minutes": round(minutes, 1), "torch": torch.__version__})
    typer.echo(f"trained in {minutes:.1f} minutes")


@app.command()
def average(
    work: Work,
    run: Annotated[str, typer.Option(help="Name of the run to make.")],
    first: Annotated[str, typer.Argument(help="A run.")],
    second: Annotated[str, typer.Argument(help="Another run from the same start.")],
    share: Annotated[float, typer.Option(min=0, max=1, help="Of the second run.")] = 0.5,
) -> None:
    """Make a network between two trained ones."""
    space = Workspace(work)
    between = average_of(_network(space, first), _network(space, second), share)
    torch.save(between.state_dict(), space.new(f"{run}/network.pt"))
    space.write_json(f"{run}/recipe.json", {"average_of": {first: 1 - share, second: share}})


@app.command()
def export(work: Work, run: str = "run") -> None:
    """Write the trained network as float32 ONNX."""
    space = Workspace(work)
    write_onnx(_network(space, run), space.new(f"{run}/float32.onnx"))
    typer.echo(str(space.file(f"{run}/float32.onnx", "export")))


@app.command()
def quantize(
    work: Work,
    run: str = "run",
    crops: Annotated[int, typer.Option(min=50, help="Crops to calibrate on.")] = 500,
    float_stem: Annotated[bool, typer.Option(help="Keep the first convolution in float32.")] = False,
) -> None:
    """Write the int8 model file."""
    space = Workspace(work)
    model = space.file(f"{run}/float32.onnx", "export")
    write_int8(model, _training_crops(space, crops), space.new(f"{run}/int8.onnx"), float_stem=float_stem)
    typer.echo(str(space.file(f"{run}/int8.onnx", "quantize")))


@app.command()
def parity(work: Work, run: str = "run", crops: Annotated[int, typer.Option(min=10)] = 100) -> None:
    """Compare PyTorch, both files and Triton; exit status 1 where what should be exact is not."""
    space = Workspace(work)
    files = (space.file(f"{run}/float32.onnx", "export"), space.file(f"{run}/int8.onnx", "quantize"))
    found = measure_parity(_network(space, run), *files, _training_crops(space, crops), load_settings())
    space.write_json(f"{run}/parity.json", found)
    typer.echo(str(found))
    if not found.holds:
        raise typer.Exit(1)


@app.command()
def compare(
    work: Work,
    two_crop_model: TwoCropModel,
    teachers: TeacherFolder,
    models: Annotated[list[Path], typer.Argument(help="Model files with one crop, or with two.", exists=True)],
    threads: Threads = 0,
) -> None:
    """Score the held-back images, as they are and degraded, by several models; a table and compare.json."""
    space = Workspace(work)
    faces = space.faces()
    chosen = [(faces.regions[i], faces.sources[i], faces.is_live[i]) for i in faces.places(held_back=True)]
    named = {f"{model.parent.name}/{model.stem}": model for model in models}
    scored = score_views(named, Teachers(two_crop_model, teachers), chosen, threads or usable_cores())
    figures = {name: figures_of(scored, name) for name in named}
    space.write_json("compare.json", {name: asdict(of_model) for name, of_model in figures.items()})
    typer.echo(as_markdown(as_table(figures)))


@app.command("leave-one-source-out")
def leave_out(
    work: Work,
    run: Annotated[str, typer.Option(help="Name of the run, a folder in the work folder.")] = "leave-one-source-out",
    seed: int = 1,
    epochs: Annotated[int, typer.Option(min=1)] = 3,
    learning_rate: Annotated[float, typer.Option(min=1e-7, max=1e-2)] = 5e-4,
    frozen_blocks: Annotated[int, typer.Option(min=0, max=15, help="Blocks that keep their weights.")] = 5,
    label_share: Annotated[float, typer.Option(min=0, max=1, help="The rest is the public networks'.")] = 0.6,
    threads: Threads = 0,
) -> None:
    """Train from ImageNet without each source in turn and judge on it; run the same command again to go on."""
    torch.set_num_threads(threads or usable_cores())
    space = Workspace(work)
    recipe = Recipe(
        seed=seed,
        epochs=epochs,
        learning_rate=learning_rate,
        frozen_blocks=frozen_blocks,
        shares=Shares(label=label_share, two_crop=0.0, public=1 - label_share),
    )
    shown, faces = load_views(space.file("views.npz", "views")), space.faces()
    folder = space.new(f"{run}/rows.json").parent
    rows = [["left out", "live", "attacks", "AUC", "ACER", "APCER", "BPCER"]]
    images = Images(faces.regions, faces.people, faces.is_held_back)
    for row in leave_one_source_out(images, shown, recipe, folder):
        rates = (f"{100 * rate:.1f} %" for rate in (row.acer, row.apcer, row.bpcer))
        rows.append([row.source, str(row.live), str(row.attacks), f"{row.auc:.4f}", *rates])
        typer.echo(" ".join(rows[-1]), err=True)
    typer.echo(as_markdown(rows))


@app.command()
def face_detector(
    source: Annotated[Path, typer.Argument(help="BlazeFace as TensorFlow Lite file.", exists=True)],
    target: Annotated[Path, typer.Argument(help="ONNX file to write.")],
) -> None:
    """Convert the face detector that the service finds faces by; frontend/networks/README.md says from what."""
    from training.blazeface import convert  # noqa: PLC0415 - what reads such files is needed here alone

    convert(source, target)


def _network(space: Workspace, run: str) -> LivenessNetwork:
    network = LivenessNetwork()
    network.load_state_dict(torch.load(space.file(f"{run}/network.pt", "train"), weights_only=True))
    network.eval()
    return network


def _training_crops(space: Workspace, count: int) -> list[RgbImage]:
    """Crops of training views, spread over all of them."""
    shown = load_views(space.file("views.npz", "views"))
    if count > len(shown.image):
        raise TrainingRefused(f"there are {len(shown.image)} views: ask for fewer crops, or make more views")
    step = len(shown.image) / count
    return [shown.window(int(i * step), Recipe().window_scale) for i in range(count)]


if __name__ == "__main__":
    try:
        app()
    except LivenessError as error:
        print(f"training: {error}", file=sys.stderr)
        sys.exit(1)
