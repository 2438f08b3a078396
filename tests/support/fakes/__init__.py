"""Stand-ins for model providers: loopback servers and a command that speak their protocols to the real clients.

    async with FakeOllama(lambda asked: {"facts": []}, latency_s=0.2, failure_rate=0.1, seed=1) as fake:
        ...  # point a provider, or a service in another process, at fake.url
        assert fake.asked[0].user.startswith("<memory>")

Each answers by a callable, after the faults that it was given; each keeps every request that reached it.
"""

from tests.support.fakes.claude_command import FakeClaude
from tests.support.fakes.models import FakeAnthropic, FakeGemini, FakeOllama
from tests.support.fakes.server import Asked, Fault, Received

__all__ = ["Asked", "FakeAnthropic", "FakeClaude", "FakeGemini", "FakeOllama", "Fault", "Received"]
