"""`make demo`: a server, and the traffic of a shop through its real doors."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import click

from demo.courier import Courier
from demo.formats import Record
from demo.happenings import MINUTE, SECOND, Schedule, history, live
from demo.places import PlaceError, Places
from demo.senders import open_senders
from demo.server import ServerError, ShopServer
from demo.shop import SERVICES
from demo.story import account, how_to_verify, where_to_look
from demo.traffic import DAY, Traffic

_TICK_SECONDS = 0.25
_NOTE_SECONDS = 10.0
_HISTORY_BATCH_RECORDS = 4_000
_SCAN_SHARE = 150
_LEAST_SCAN_REQUESTS = 60


class Demo:
    """One run: history first, then live traffic until it is told to stop.

    Args:
        places: Where things are.
        server: The server.
        seed: Where chance begins.
        rate: Live records per second.
        per_day: Records of a day of history.
    """

    def __init__(
        self, places: Places, server: ShopServer, *, seed: int, rate: float, per_day: int
    ) -> None:
        self._places = places
        self._server = server
        self._seed = seed
        self._rate = rate
        self._per_day = per_day
        self._played = 0
        self._terminal = sys.stdout.isatty()
        self.stopped = threading.Event()

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Stop; told a second time, stop at once."""
        if self.stopped.is_set():
            self._server.kill()
            os._exit(130)
        self.stopped.set()

    def run(self, for_seconds: float | None) -> bool:
        """Play; return whether the server acknowledged all that was sent. Raises: ServerError."""
        click.echo(f"server    starts on {self._places.data}; its log is {self._places.log}")
        self._server.start(self._wait)
        if self.stopped.is_set():
            self._server.stop()
            return True
        self._line("")
        for moved in self._server.moved:
            click.echo(f"server    {moved} is taken: another is used")
        courier = Courier(open_senders(self._server.urls))
        self._play_history(courier)
        if not self.stopped.is_set():
            click.echo(where_to_look(self._server.urls["main"]))
            click.echo(f"Live traffic: about {self._rate:g} records a second. Ctrl-C stops.")
            self._play_live(courier, for_seconds)
        return self._end(courier)

    # ---- The three acts --------------------------------------------------------------------------

    def _play_history(self, courier: Courier) -> None:
        now = time.time_ns()
        start = max(now - DAY, self._places.played_until())
        scans = max(_LEAST_SCAN_REQUESTS, self._per_day // _SCAN_SHARE)
        traffic = Traffic(random.Random(f"{self._seed}/history"), history(now, scan_requests=scans))
        began = time.monotonic()
        self._played = start
        waiting: list[Record] = []
        for minute, records in enumerate(traffic.history(start, now, self._per_day)):
            if self.stopped.is_set():
                break
            waiting += records
            self._played = min(now, start + (minute + 1) * MINUTE)
            if len(waiting) < _HISTORY_BATCH_RECORDS and self._played < now:
                continue
            self._server.check()
            courier.bring(waiting)
            waiting = []
            done = (self._played - start) / max(now - start, 1)
            self._line(f"history   {sum(courier.sent.values()):,} records, {done:.0%}")
        courier.settle()
        self._note()
        self._line("")
        click.echo(
            f"history   the last {(now - start) / SECOND / 3600:.1f} h: "
            f"{sum(courier.acknowledged.values()):,} records acknowledged, "
            f"in {time.monotonic() - began:.1f} s"
        )

    def _play_live(self, courier: Courier, for_seconds: float | None) -> None:
        began = last = time.time_ns()
        schedule = live(began)
        traffic = Traffic(random.Random(f"{self._seed}/live"), schedule)
        happening, noted = "", time.monotonic()
        while not self.stopped.wait(_TICK_SECONDS):
            self._server.check()
            now = time.time_ns()
            if for_seconds is not None and now - began >= for_seconds * SECOND:
                break
            if now <= last:
                continue
            courier.bring(traffic.between(last, now, self._rate * (now - last) / SECOND))
            last = self._played = now
            happening = self._tell(schedule, now, happening)
            sent, arrived = sum(courier.sent.values()), sum(courier.acknowledged.values())
            self._line(f"live      {sent:,} records sent, {arrived:,} acknowledged")
            if time.monotonic() - noted > _NOTE_SECONDS:
                self._note()
                noted = time.monotonic()

    def _end(self, courier: Courier) -> bool:
        self._line("")
        click.echo("\nStopping: what was sent is being acknowledged, then stored and sealed.")
        courier.close()
        self._note()
        well = self._server.stop()
        sent, acknowledged = courier.sent, courier.acknowledged
        click.echo(account(sent, acknowledged))
        click.echo(how_to_verify(self._places.data))
        if not well:
            click.echo(f"The server did not end well: see {self._places.log}", err=True)
        return well and sent == acknowledged

    # ---- Saying how it goes ----------------------------------------------------------------------

    def _tell(self, schedule: Schedule, now: int, before: str) -> str:
        """Say what begins or ends; return what goes on."""
        deploy = next((one for one in schedule.deploys if one.covers(now)), None)
        scan = next((one for one in schedule.scans if one.covers(now)), None)
        happening = ""
        if deploy:
            happening = f"{deploy.service} {deploy.version} is deployed, and it fails"
        elif scan:
            happening = f"{scan.address} tries the doors of the frontend"
        if happening != before:
            self._line("")
            said = happening or "all is well again: the deploy is rolled back, or the scan is over"
            click.echo(f"{time.strftime('%H:%M:%S')}  {said}")
        return happening

    def _wait(self, seconds: float) -> bool:
        self._line(f"server    not ready yet, {seconds:.0f} s")
        return not self.stopped.is_set()

    def _line(self, text: str) -> None:
        """Show a line that the next one takes the place of; at a terminal only."""
        if self._terminal:
            click.echo(f"\r\x1b[K{text}", nl=False)

    def _note(self) -> None:
        self._places.note_played(self._played)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-data/shop"),
    show_default=True,
    help="The server's data directory. A second start goes on where the first one ended.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8080,
    show_default=True,
    help="Port of the console and the APIs; 0 takes any, here and for every other listener.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0.1, max=5_000),
    default=40.0,
    show_default=True,
    help="Live records per second.",
)
@click.option(
    "--history",
    "per_day",
    type=click.IntRange(0, 10_000_000),
    default=60_000,
    show_default=True,
    help="Records of a day of history, sent before the live traffic begins.",
)
@click.option(
    "--for",
    "for_seconds",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Stop after so much live traffic; without it, Ctrl-C stops.",
)
@click.option("--seed", type=int, help="Play the same visitors each time, for the same number.")
@click.option("--fresh", is_flag=True, help="Remove what an earlier demo left, and begin anew.")
def main(
    data: Path,
    port: int,
    rate: float,
    per_day: int,
    for_seconds: float | None,
    seed: int | None,
    *,
    fresh: bool,
) -> None:
    r"""Run a Meshseal server with the traffic of a shop, and say where to look.

    Ten services on three platforms: Istio on Kubernetes (eu1), Linkerd on Kubernetes (us1) and
    Consul on virtual machines (dc1). Their logs come through the real doors, sent by real clients:
    OTLP over HTTP and gRPC, Loki push, lines and documents over HTTP.

    First comes the history of a day, with a deploy that broke the payment service two hours ago, a
    scan from outside five hours ago, and one service that talks plaintext. Then live traffic, in
    which the same happens again: a deploy after a minute, a scan after four.

    \b
    Try it:               python -m demo
    Small and quick:      python -m demo --history 5000 --rate 5
    Another place:        python -m demo --data /tmp/shop --port 9090
    Begin anew:           python -m demo --fresh
    """
    places = Places(data)
    try:
        if fresh:
            places.clear()
        _keep_clients_quiet(places.log)
        server = ShopServer(data, places.log, port)
        demo = Demo(
            places,
            server,
            seed=time.time_ns() if seed is None else seed,
            rate=rate,
            per_day=per_day,
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, demo.stop)
        click.echo(f"Meshseal: a shop of {len(SERVICES)} services on Istio, Linkerd and Consul")
        all_arrived = demo.run(for_seconds)
    except (ServerError, PlaceError) as error:
        click.echo(f"\ndemo: {error}", err=True)
        sys.exit(1)
    sys.exit(0 if all_arrived else 1)


def _keep_clients_quiet(log: Path) -> None:
    """Let the client libraries complain in the log, not on the terminal."""
    log.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=log, level=logging.WARNING)


if __name__ == "__main__":
    main()
