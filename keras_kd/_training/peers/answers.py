"""Answers of the peers as teachers in one step."""


class PeerAnswers:
    """Answers of each peer's teachers, renewed after updates.

    Args:
        shares: A `PeerBatch` for each peer; the same one for all, or shards.
        students: The training `ForwardPass` of each peer on its share.
        teachers: For each peer, the indices of those that teach it.
        ask: Runs a peer: function of its index and a `PeerBatch`, to a
            `ForwardPass`.
        is_live: Whether the outputs of a peer's training pass are its answers;
            otherwise another pass gives them, unchanged during the step.
        in_turn: Whether a peer runs again after its update.
    """

    def __init__(self, shares, students, teachers, ask, *, is_live, in_turn):
        self._shares = shares
        self._students = students
        self._teachers = teachers
        self._ask = ask
        self._is_live = is_live
        self._in_turn = in_turn
        self._said = None
        self._heard = {}
        places = range(len(shares))
        if not shares[0].is_shard:
            self._said = {
                i: students[i] if is_live else ask(i, shares[0]) for i in places
            }
        elif not in_turn:
            self._heard = {i: self._ask_all(i) for i in places}

    def _ask_all(self, listener):
        """Runs the teachers of a peer on the examples of that peer."""
        return {
            i: self._students[i]
            if i == listener and self._is_live
            else self._ask(i, self._shares[listener])
            for i in self._teachers[listener]
        }

    def to(self, listener):
        """Returns the answers of a peer's teachers, `ForwardPass` by index."""
        if listener not in self._heard:
            self._heard[listener] = (
                dict(self._said) if self._said else self._ask_all(listener)
            )
        return self._heard[listener]

    def after_update(self, speaker):
        """Renews the answers of an updated peer, if they are used again."""
        is_heard = speaker + 1 < len(self._shares)
        if self._in_turn and self._said and is_heard:
            self._said[speaker] = self._ask(speaker, self._shares[0])
