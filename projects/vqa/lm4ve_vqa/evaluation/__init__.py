"""The official metrics, the server's file, and retrieval over all pairs."""

from .image_text_recall import ImageTextRecall
from .retrieval_loop import RetrievalTestLoop, RetrievalValLoop
from .submission import VQASubmission
from .vqa_accuracy import VQAv2Accuracy, vqa_accuracy

__all__ = [
    'ImageTextRecall', 'RetrievalTestLoop', 'RetrievalValLoop',
    'VQASubmission', 'VQAv2Accuracy', 'vqa_accuracy'
]
