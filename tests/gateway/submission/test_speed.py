from __future__ import annotations

import time

import pytest
from xrpl.constants import CryptoAlgorithm
from xrpl.core.keypairs import generate_seed

from neo_core.gateways.xrpl.keys.secrets import Secret
from neo_core.gateways.xrpl.keys.signing import signer_of
from neo_core.gateways.xrpl.sending.submission import Seen, Submission
from tests.gateway.submission.server import Server, Wire
from tests.gateway.submission.trading import cancel, terms

ENTROPY = "0123456789abcdef" * 2


class Silent(Wire):
    def submit(self, blobs, *, fail_hard=False):  # type: ignore[no-untyped-def]
        return [None] * len(blobs)


@pytest.mark.rule("MODE-4")
@pytest.mark.parametrize("algorithm", [CryptoAlgorithm.ED25519, CryptoAlgorithm.SECP256K1])
def test_fifty_cancels_are_built_signed_and_written_within_a_tenth_of_a_second_of_cpu(algorithm: str) -> None:
    signer = signer_of(Secret(generate_seed(ENTROPY, algorithm)))
    if signer.warning:
        pytest.skip(signer.warning)
    signer.sign(
        {"TransactionType": "AccountSet", "Account": signer.address, "Fee": "10", "Sequence": 1}
    )  # loads the codec
    wire = Silent(Server())
    spent = []
    for _ in range(3):
        submission = Submission(signer.address, signer, terms())
        submission.learn(Seen(100, 0.0, 500))
        began = time.process_time()
        acks = submission.send(wire, submission.prepare([cancel(str(number), number) for number in range(1, 51)]))
        spent.append(time.process_time() - began)
        assert len(acks) == 50
    assert min(spent) < 0.1
