"""A TCP proxy that breaks connections: some after a number of bytes, in the middle of whatever they carry, and all of
them at once when told to."""

import asyncio
import contextlib
import random
import socket
import struct
import threading

BYTES_MEAN = 400_000  # Of a connection that is to break.
SHARE = 0.5           # Of connections that are.


class Proxy:
    """Listens on a loopback port until stopped; the target may change."""

    def __init__(self, seed):
        self.seed = seed
        self.target = None
        self.connections = 0
        self.cut = 0
        self._open = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop).result()
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def stop(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(10)

    async def _end(self):
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        self._loop.stop()

    def cut_all(self):
        self._loop.call_soon_threadsafe(self._cut_all)

    def _cut_all(self):
        for writer in list(self._open):
            self._abort(writer)

    def _abort(self, writer):
        if writer not in self._open:
            return
        self._open.discard(writer)
        self.cut += 1
        with contextlib.suppress(OSError, AttributeError):
            # A reset, not an orderly end.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _serve(self, reader, writer):
        self.connections += 1
        rng = random.Random(f"proxy {self.seed} {self.connections}")
        budget = [rng.expovariate(1 / BYTES_MEAN) if rng.random() < SHARE else float("inf")]
        self._open.add(writer)
        try:
            host, port = self.target.rsplit(":", 1)
            up_reader, up_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            self._open.discard(writer)
            writer.transport.abort()
            return
        pumps = [asyncio.ensure_future(self._pump(reader, up_writer, budget)),
                 asyncio.ensure_future(self._pump(up_reader, writer, budget))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        if budget[0] <= 0:
            self._abort(writer)
        self._open.discard(writer)
        writer.transport.abort()
        up_writer.transport.abort()

    @staticmethod
    async def _pump(reader, writer, budget):
        with contextlib.suppress(OSError):
            while budget[0] > 0:
                data = await reader.read(16 << 10)
                if not data:
                    return
                if len(data) > budget[0]:
                    data = data[:int(budget[0])]
                budget[0] -= max(len(data), 1)
                writer.write(data)
                await writer.drain()
