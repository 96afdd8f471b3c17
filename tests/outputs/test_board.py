"""What waits to be sent: the newest of each topic, in order, and never more than that."""

from hypothesis import given
from hypothesis import strategies as st

from emoedge.outputs.board import MAX_NOTES, Board
from emoedge.outputs.message import Message


def message(topic, body=b"", qos=0):
    return Message(topic, body, qos=qos)


def drain(board, **options):
    taken = []
    while (item := board.take(**options)) is not None:
        taken.append((item.topic, item.body))
    return taken


def test_the_newest_of_a_topic_is_sent_once_and_again_after_show_all():
    board = Board()
    board.pin(message("a", b"1"))
    board.pin(message("b", b"1"))
    board.pin(message("a", b"2"))
    assert drain(board) == [("a", b"2"), ("b", b"1")]
    assert drain(board) == []
    board.show_all()
    assert drain(board) == [("a", b"2"), ("b", b"1")]


def test_notes_and_posts_are_sent_once():
    board = Board()
    board.note(message("log", b"1"))
    board.note(message("log", b"2"))
    board.post(message("raw", b"1"))
    board.post(message("raw", b"2"))
    assert drain(board) == [("log", b"1"), ("log", b"2"), ("raw", b"2")]
    board.show_all()
    assert drain(board) == []
    assert board.dropped == 1


def test_a_full_window_lets_only_qos_0_pass():
    board = Board()
    board.pin(message("event", qos=1))
    board.pin(message("health"))
    board.note(message("response", qos=1))
    assert drain(board, may_qos1=False) == [("health", b"")]
    assert [topic for topic, _ in drain(board)] == ["event", "response"]


def test_the_shelf_is_no_reason_to_wait_at_the_end():
    board = Board()
    board.shelve(message("schema", qos=1))
    assert board.empty()
    assert board.take() is None
    assert board.take_shelved().topic == "schema"
    assert board.take_shelved() is None


@given(st.lists(st.tuples(st.sampled_from(["pin", "note", "post"]), st.integers(0, 5)), max_size=300))
def test_it_never_holds_more_than_its_topics_and_notes(steps):
    board = Board()
    for kind, number in steps:
        getattr(board, kind)(message(f"{kind}/{number}"))
    taken = drain(board)
    assert len(taken) <= 6 + 6 + MAX_NOTES
    assert board.empty()
    sent_or_replaced = len(taken) + board.dropped
    assert sent_or_replaced <= len(steps)
