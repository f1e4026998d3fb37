"""Texts as one state for each word: an LSTM over word vectors."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def text_lengths(vectors: Tensor) -> Tensor:
    """Words in each text: all before the rows of zeros at its end.

    Args:
        vectors: (B, T, E), padded with zeros.

    Returns:
        Tensor: (B, ) int64 on the CPU, at least 1: an empty text is one word
        of zeros.
    """
    words = (vectors != 0).any(-1)
    place = torch.arange(1, words.shape[1] + 1, device=words.device)
    return (words * place).amax(1).clamp(min=1).cpu()


class TextEncoder(nn.Module):
    """An LSTM, which situations and questions share.

    Args:
        in_channels: Width E of the word vectors.
        channels: Width of the states.
        dropout: Of the word vectors.
    """

    def __init__(self, in_channels: int, channels: int,
                 dropout: float = .3) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.lstm = nn.LSTM(in_channels, channels, batch_first=True)

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Encode texts.

        Args:
            vectors: (B, T, E), padded with zeros.

        Returns:
            tuple: States (B, L, channels), L the longest text of the batch,
            zero on padding; and (B, L) bool, True on padding.
        """
        lengths = text_lengths(vectors)
        # Most of the padding is never read.
        vectors = vectors[:, :int(lengths.max())]
        packed = pack_padded_sequence(
            self.drop(vectors), lengths, batch_first=True,
            enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0],
                                        batch_first=True)
        place = torch.arange(states.shape[1])
        padding = place >= lengths[:, None]
        return states, padding.to(states.device)
