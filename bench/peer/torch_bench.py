"""The PyTorch side of the benchmark (torch 2.13, any Python it supports).

As a server, one JSON command a line on stdin and one JSON answer a line on stdout, so that a runner can alternate with it:

    {"cmd": "list"}                                           the names of the programs and versions
    {"cmd": "prepare", "name": "mlp-32", "threads": 2}        tries every setting, keeps the best: {"best", "settings": {name: ms or reason}}
    {"cmd": "prepare", "name": ..., "setting": "eager/fused/nchw"}   takes that setting without trying others
    {"cmd": "time", "name": "mlp-32", "seconds": 1.0}         {"median", "p10", "steps"}: milliseconds a training step
    {"cmd": "memory", "name": "cnn-128", "steps": 30}         {"resident", "imported"} in MiB, in a fresh process
    {"cmd": "exit"}

An answer with "error" says what went wrong; the server goes on. `prepare` also takes "compileSeconds" (the budget of each
torch.compile setting, default 120; 0 leaves them out) and "seconds" (of timing for each setting, default 0.7).

As a command, a table: python bench/peer/torch_bench.py mlp-32 cnn-32 [--threads 2] [--compile-seconds 120] [--seconds 0.7] [--repeat 1]

A program is a training step: forward, loss, backward, optimizer step, zero_grad. `import` is a fresh process that imports torch.
PyTorch gives its buffers back to malloc after each step, and glibc gives large ones back to the system, so that every step of a CNN
faults its pages in again (2-3 times slower). As PyTorch's tuning guide advises, this server keeps freed memory (the variables in
KEEP, set by starting itself again); --system-malloc leaves malloc as it is. `memory` and `import` are always measured with malloc as it is.
Settings that need torch.compile are tried in a child process, which is ended when its budget is over.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")

KEEP = {"MALLOC_TOP_PAD_": str(2**28), "MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31)}
HERE = os.path.abspath(__file__)
ROUNDS = 12  # a setting is timed in so many turns and its best turn counts: a neighbour on the machine stalls OpenMP a hundredfold


def quantiles(times_ns: list[int]) -> dict:
    ordered = sorted(times_ns)
    return {
        "median": statistics.median(ordered) / 1e6,
        "p10": ordered[len(ordered) // 10] / 1e6,
        "steps": len(ordered),
    }


def measure(step, seconds: float) -> dict:
    """Times single steps for so many seconds, at least five."""
    clock = time.perf_counter_ns
    end = clock() + int(seconds * 1e9)
    times: list[int] = []
    start = clock()
    while start < end or len(times) < 5:
        step()
        stop = clock()
        times.append(stop - start)
        start = stop
    return quantiles(times)


def resident_mib() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def plain_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in KEEP}


def child(arguments: list[str], budget: float, environment: dict[str, str] | None = None) -> dict:
    """Runs this file in its own process group and returns its JSON answer, or why there is none."""
    process = subprocess.Popen(
        [sys.executable, HERE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment,
    )
    try:
        out, err = process.communicate(timeout=budget)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return {"error": f"not ready after {budget:.0f} s"}
    if process.returncode != 0:
        lines = err.strip().splitlines() or ["no message"]
        return {"error": lines[-1][:200]}
    return json.loads(out.strip().splitlines()[-1])


def configure(threads: int) -> None:
    import torch

    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)


class Import:
    """The `import` program: the time of a fresh process that imports torch and ends."""

    def __call__(self) -> None:
        subprocess.run([sys.executable, "-c", "import torch"], check=True, env=plain_environment())


class Peer:
    """The state of a session: which setting is best for each program, and the step that is ready to be timed."""

    def __init__(self) -> None:
        self.threads = 2
        self.steps: dict = {}
        self.best: dict[str, str] = {}

    def list(self, _: dict) -> dict:
        import torch
        from programs import PROGRAMS

        return {
            "programs": [*PROGRAMS, "import"],
            "version": f"PyTorch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {self.threads} threads",
            "python": platform.python_version(),
        }

    def prepare(self, command: dict) -> dict:
        name = command["name"]
        if name == "import":
            self.steps[name], self.best[name] = Import(), "process"
            return {"best": "process", "settings": {}}
        self.threads = int(command.get("threads", self.threads))
        configure(self.threads)
        if "setting" in command:
            settings: dict = {}
            best = command["setting"]
        else:
            settings = self.tune(name, float(command.get("seconds", 0.7)), float(command.get("compileSeconds", 120)))
            timed = {key: value["median"] for key, value in settings.items() if "median" in value}
            best = min(timed, key=timed.__getitem__)
        from programs import Setting, training_step

        self.best[name] = best
        self.steps[name] = training_step(name, Setting.parse(best))
        measure(self.steps[name], 0.3)
        return {"best": best, "settings": settings}

    def tune(self, name: str, seconds: float, compile_seconds: float) -> dict:
        """Every setting's timing: eager ones alternate in this process, compiled ones each in a child."""
        from programs import PROGRAMS, training_step

        results: dict = {}
        eager = {}
        for setting in PROGRAMS[name].settings():
            if setting.mode == "eager":
                eager[setting.name] = training_step(name, setting)
                measure(eager[setting.name], 0.2)
            elif compile_seconds > 0:
                arguments = ["--probe", name, setting.name, "--threads", str(self.threads), "--seconds", str(seconds)]
                arguments += [] if KEEP.keys() <= os.environ.keys() else ["--system-malloc"]
                results[setting.name] = child(arguments, compile_seconds)
        rounds: dict[str, list[dict]] = {key: [] for key in eager}
        for _ in range(ROUNDS):
            for key, step in eager.items():
                rounds[key].append(measure(step, seconds / ROUNDS))
        for key, parts in rounds.items():
            results[key] = min(parts, key=lambda part: part["median"])
        return results

    def time(self, command: dict) -> dict:
        name = command["name"]
        if name not in self.steps:
            self.prepare({"name": name})
        if name != "import":
            configure(self.threads)
        return {"setting": self.best[name], **measure(self.steps[name], float(command.get("seconds", 1.0)))}

    def memory(self, command: dict) -> dict:
        name = command["name"]
        setting = command.get("setting", self.best.get(name, "eager/fused/nchw"))
        arguments = ["--memory", name, setting, "--steps", str(command.get("steps", 30)), "--threads", str(self.threads)]
        return {"setting": setting, **child([*arguments, "--system-malloc"], 300, plain_environment())}


def serve() -> None:
    # What libraries print goes to stderr: stdout carries answers and nothing else.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    peer = Peer()
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            command = json.loads(line)
            if command["cmd"] == "exit":
                return
            actions = {"list": peer.list, "prepare": peer.prepare, "time": peer.time, "memory": peer.memory}
            if command["cmd"] not in actions:
                raise ValueError(f"unknown command {command['cmd']}; the commands are {', '.join([*actions, 'exit'])}")
            answer = {"cmd": command["cmd"], "name": command.get("name"), **actions[command["cmd"]](command)}
        except Exception as error:  # the runner decides what a failure means
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


def probe(name: str, setting: str, threads: int, seconds: float) -> dict:
    from programs import Setting, training_step

    configure(threads)
    started = time.perf_counter()
    step = training_step(name, Setting.parse(setting))
    step()
    ready = time.perf_counter() - started
    measure(step, 0.3)
    return {**min((measure(step, seconds / ROUNDS) for _ in range(ROUNDS)), key=lambda part: part["median"]), "ready": round(ready, 2)}


def memory(name: str, setting: str, threads: int, steps: int) -> dict:
    configure(threads)
    imported = resident_mib()
    from programs import Setting, training_step

    step = training_step(name, Setting.parse(setting))
    for _ in range(steps):
        step()
    return {"resident": round(resident_mib(), 1), "imported": round(imported, 1)}


def table(names: list[str], arguments: argparse.Namespace) -> None:
    peer = Peer()
    for name in names:
        for _ in range(arguments.repeat):
            command = {"name": name, "threads": arguments.threads, "seconds": arguments.seconds}
            prepared = peer.prepare({**command, "compileSeconds": arguments.compile_seconds})
            print(f"{name}: best {prepared['best']}")
            for setting, result in sorted(prepared["settings"].items(), key=lambda item: item[1].get("median", float("inf"))):
                if "median" in result:
                    ready = f"  ready after {result['ready']:.1f} s" if "ready" in result else ""
                    print(f"  {setting:<28} median {result['median']:9.4f} ms   p10 {result['p10']:9.4f} ms{ready}")
                else:
                    print(f"  {setting:<28} {result['error']}")
            timed = peer.time({"name": name, "seconds": 5 if name == "import" else max(1.0, arguments.seconds)})
            print(f"  {'again, ' + timed['setting']:<28} median {timed['median']:9.4f} ms   p10 {timed['p10']:9.4f} ms", flush=True)
        if name != "import":
            print(f"  memory {peer.memory({'name': name})}", flush=True)


def main() -> None:
    sys.path.insert(0, os.path.dirname(HERE))
    parser = argparse.ArgumentParser(description="PyTorch training steps, timed. Without names: a server on stdin and stdout.")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.7)
    parser.add_argument("--compile-seconds", type=float, default=120)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--probe", nargs=2)
    parser.add_argument("--memory", nargs=2)
    parser.add_argument("--system-malloc", action="store_true")
    arguments = parser.parse_args()
    if not arguments.system_malloc and not KEEP.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, HERE, *sys.argv[1:]], {**os.environ, **KEEP})
    if arguments.probe:
        print(json.dumps(probe(*arguments.probe, arguments.threads, arguments.seconds)))
    elif arguments.memory:
        print(json.dumps(memory(*arguments.memory, arguments.threads, arguments.steps)))
    elif arguments.names:
        table(arguments.names, arguments)
    else:
        serve()


if __name__ == "__main__":
    main()
