"""`liveness evaluate` and `liveness calibrate` on pictures made in code, with the running stack's Triton."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from frontend.calibration import Calibration, ScoreMap, load_calibration
from frontend.cli.calibrate import calibrate
from frontend.cli.evaluate import evaluate
from frontend.cli.labelled import read_samples
from frontend.errors import InvalidImageSet, InvalidKeyInput
from frontend.images import RgbImage
from frontend.settings import Settings
from tests.conftest import Stack, data_uri, environment, jpeg_of, running
from tests.evaluation.pictures import OF_A_CLASS, make_folder

NO_UTF_8 = os.fsdecode(b"folder-\xff")


@pytest.fixture(scope="module")
def triton_url(stack: Stack) -> str:
    found = re.search(r"Triton answers at ([\w.:]+)", (stack.data_dir / "stderr.log").read_text())
    assert found
    return found.group(1).rstrip(",")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, portrait: RgbImage) -> Path:
    """With one attack that nobody could see: the portrait itself."""
    folder = make_folder(tmp_path_factory.mktemp("labelled") / NO_UTF_8, portrait)
    (folder / "spoof/print/perfect.jpg").write_bytes(jpeg_of(portrait))
    return folder


def liveness(*arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "frontend.cli", *map(str, arguments)]
    there = environment(**settings)
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False, env=there)


@pytest.fixture(scope="module")
def out(pictures: Path, triton_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of the uncalibrated service, and a calibration."""
    out = tmp_path_factory.mktemp("out") / NO_UTF_8
    there = {"triton_url": triton_url, "data_dir": out / "data"}
    done = liveness("evaluate", pictures, "--out", out / "report", "--robustness", 2, "--title", "<b>Doors", **there)
    assert done.returncode == 0, done.stderr
    done = liveness("calibrate", pictures, "--apcer", 0.3, **there)
    assert done.returncode == 0, done.stderr
    assert "it holds from the service's next start" in done.stdout
    assert (out / "data").stat().st_mode & 0o777 == 0o700  # or the next start would be refused
    return out


def test_report_counts_what_the_pipeline_said(out: Path) -> None:
    report = json.loads((out / "report/report.json").read_text())
    figures = report["figures"]
    assert figures["worst_attack_type"] == "print"
    assert (figures["apcer"]["errors"], figures["apcer"]["presentations"]) == (1, OF_A_CLASS // 2 + 1)
    assert (figures["bpcer"]["errors"], figures["bpcer"]["presentations"]) == (0, OF_A_CLASS)
    assert figures["acer"]["value"] == pytest.approx(1 / (OF_A_CLASS + 2))
    assert (figures["false_face"]["errors"], figures["false_face"]["presentations"]) == (0, 1)
    assert figures["threshold"] == 0.5
    by_path = {picture["path"]: picture for picture in report["pictures"]}
    assert len(by_path) == 2 * OF_A_CLASS + 2
    assert by_path["spoof/print/perfect.jpg"]["is_live"] is True
    assert by_path["noface/00.jpg"]["raw_score"] is None
    robustness = {shift["change"]: shift for shift in report["robustness"]}
    stored, coarsely = (
        robustness[name]["mean_difference"] for name in ("stored again, JPEG 4:4:4 quality 100", "JPEG quality 50")
    )
    assert stored < 0.02
    assert coarsely > stored
    assert all(shift["flips"]["presentations"] == 2 for shift in robustness.values())


def test_page_stands_alone_and_shows_the_mistake(out: Path) -> None:
    page = (out / "report/report.html").read_text()
    assert "&lt;b&gt;Doors" in page
    assert "<b>Doors" not in page
    assert page.count("<svg") == 2
    assert page.count("data:image/jpeg;base64,") == 1
    assert "perfect.jpg" in page
    addresses = set(re.findall(r"""(?:src|href)=["']?([^"'\s>]+)|url\(([^)]*)\)""", page))
    assert not [a for a in addresses if not "".join(a).startswith(("data:", "#"))]
    assert "$" not in page.replace("$schema", "")


def test_service_answers_by_the_calibration(out: Path, triton_url: str, portrait: RgbImage, tmp_path: Path) -> None:
    calibration = Calibration.model_validate_json((out / "data/calibration.json").read_bytes())
    assert calibration.default
    assert calibration.default.evidence["target"] == "APCER 30.00%"
    strict = ScoreMap(raw_threshold=0.999, slope=2)
    of_both = tmp_path / "calibration.json"
    of_both.write_text(calibration.model_copy(update={"keys": {"strict": strict}}).text())
    there = {"data_dir": tmp_path, "calibration": of_both, "triton_url": triton_url, "port": 0}
    keys = {
        name: json.loads(liveness("keys", "create", "--name", name, "--json", data_dir=tmp_path).stdout)["hash_id"]
        for name in ("acme", "strict")
    }
    pictures = json.loads((out / "report/report.json").read_text())["pictures"]
    raw = {picture["path"]: picture["raw_score"] for picture in pictures}["spoof/print/perfect.jpg"]
    with running("serve", "listening on", tmp_path / "log", **there) as (_, seen):
        url = seen.split("listening on ")[1].strip()
        _until_ready(url)
        for name, score_map in (("acme", calibration.default), ("strict", strict)):
            body = {"hash_id": keys[name], "selfie_image": data_uri(jpeg_of(portrait))}
            result = httpx.post(f"{url}/liveness", json=body, timeout=20).json()["liveness_result"]
            assert result == {"is_live": int(name == "acme"), "liveness_score": score_map.score(raw)}


def test_evaluation_follows_the_calibration_of_a_key(
    out: Path, pictures: Path, triton_url: str, tmp_path: Path
) -> None:
    strict = Calibration(model="anti_spoof", keys={"Zo\u00eb": ScoreMap(raw_threshold=0.999, slope=2)})
    (tmp_path / "calibration.json").write_text(strict.text())
    bracketed = tmp_path / "pictures"
    shutil.copytree(pictures / "live", bracketed / "live")
    shutil.copytree(pictures / "spoof", bracketed / "spoof" / os.fsdecode(b"screen-\xe9"))
    shutil.copytree(pictures / "spoof/print", bracketed / "spoof/print[old]")
    there = {"triton_url": triton_url, "data_dir": tmp_path}
    options = ("--key", "Zoe\u0308", "--no-pictures", "--out", tmp_path / "report")
    done = liveness("evaluate", bracketed / "live/..", *options, **there)
    assert done.returncode == 0, done.stderr
    assert "APCER (worst type: print[old])" in done.stdout
    report = json.loads((tmp_path / "report/report.json").read_text())
    assert report["title"] == "Presentation attack detection: pictures"
    assert report["key"] == "Zo\u00eb"
    assert {kind["name"] for kind in report["figures"]["attack_types"]} == {"print[old]", r"screen-\xe9"}
    assert report["calibration"] == "calibrated by calibration.json, threshold 0.5"
    assert (report["figures"]["apcer"]["value"], report["figures"]["bpcer"]["value"]) == (0, 1)
    assert "data:image" not in (tmp_path / "report/report.html").read_text()


def _until_ready(url: str) -> None:
    for _ in range(200):
        try:
            if httpx.get(f"{url}/status_check", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("never ready")


def test_calibration_by_key_keeps_the_others(out: Path, pictures: Path, triton_url: str, tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    shutil.copy(out / "data/calibration.json", file)
    before = Calibration.model_validate_json(file.read_bytes())
    labels = ["path,label,pai,subject", "spoof/print/perfect.jpg,live,,eve"]
    labels += [f"{p.relative_to(pictures)},live,,bob" for p in sorted((pictures / "live").iterdir())]
    labels += [f"{p.relative_to(pictures)},spoof,screen,eve" for p in sorted((pictures / "spoof/screen").iterdir())]
    labels += [f"spoof/print/{n:02}.jpg,spoof,print,eve" for n in range(6)]
    manifest = pictures / "manifest.csv"
    manifest.write_text("\n".join(labels))
    options = ("--map", "pai=attack_type", "--bpcer", 0.1, "--key", "acme", "--out", file)
    done = liveness("calibrate", manifest, *options, triton_url=triton_url, data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    after = Calibration.model_validate_json(file.read_bytes())
    assert after.default == before.default
    assert after.keys["acme"].evidence["subjects"] == 2
    assert 0.3 < after.keys["acme"].raw_threshold < 0.95  # between the prints and the portraits


def test_bad_input_is_named_and_nothing_is_written(pictures: Path, triton_url: str, tmp_path: Path) -> None:
    there = {"triton_url": triton_url, "data_dir": tmp_path / "data"}
    broken = tmp_path / "broken"
    shutil.copytree(pictures, broken)
    (broken / "live/cut.jpg").write_bytes((pictures / "live/00.jpg").read_bytes()[:300])
    (broken / "live/empty.png").touch()
    for arguments, words in (
        (("evaluate", broken), ["live/cut.jpg", "live/empty.png", "mend or remove"]),
        (("calibrate", pictures, "--apcer", "0.01"), ["13 attacks", "one wrong in 100"]),
        (("calibrate", pictures), ["--apcer or --bpcer"]),
        (("evaluate", pictures, "--out", pictures / "live/00.jpg"), ["cannot write to"]),
    ):
        done = liveness(*arguments, *(() if "--out" in arguments else ("--out", tmp_path / "out/file")), **there)
        assert done.returncode != 0
        assert all(word in done.stderr for word in words), done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken"]


def test_pictures_without_any_face_are_named_as_too_few(triton_url: str, tmp_path: Path) -> None:
    for folder in ("live", "spoof/print"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(10):
            (tmp_path / folder / f"{number}.jpg").write_bytes(jpeg_of(np.full((200, 300, 3), 90 + number, np.uint8)))
    done = liveness("evaluate", tmp_path, "--robustness", 2, "--out", tmp_path / "out", triton_url=triton_url)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("liveness: no bona fide (live) pictures: at least 10 are needed")


def test_name_that_no_key_has_is_refused_before_judging(tmp_path: Path) -> None:
    for name in (os.fsdecode(b"\xff"), " acme"):
        with pytest.raises(InvalidKeyInput):
            evaluate(tmp_path, key_name=name)
        with pytest.raises(InvalidKeyInput):
            calibrate(tmp_path, apcer=0.3, key_name=name)


def test_calibration_beside_a_threshold_is_refused_before_judging(
    pictures: Path, triton_url: str, tmp_path: Path
) -> None:
    there = {"data_dir": tmp_path, "live_threshold": 0.7}
    done = liveness("calibrate", pictures, "--apcer", 0.3, **there, triton_url="127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.startswith("liveness: LIVENESS_LIVE_THRESHOLD is 0.7, but a calibration puts the threshold at")
    assert "unset it" in done.stderr
    assert not list(tmp_path.iterdir())
    options = ("--apcer", 0.3, "--key", "acme")  # the threshold stays that of the others
    done = liveness("calibrate", pictures, *options, **there, triton_url=triton_url)
    assert done.returncode == 0, done.stderr
    load_calibration(Settings(**there))  # type: ignore[arg-type]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidImageSet, match="nowhere is not there: name a folder or a CSV file"):
        read_samples(tmp_path / "nowhere", [], [], [])
