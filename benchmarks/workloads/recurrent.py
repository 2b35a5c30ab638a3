"""A recurrent language model over characters: one-hot input, one layer of RNN, GRU or LSTM, output projection, SGD."""

from . import Training


def build(torch, kind: str, steps: int = 35, batch: int = 32, hidden: int = 256, vocabulary: int = 28) -> Training:
    """nn.RNN, nn.GRU or nn.LSTM by `kind`; predicts the next character at each of `steps` places."""
    nn, functional = torch.nn, torch.nn.functional

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent = getattr(nn, kind)(vocabulary, hidden)
            self.out = nn.Linear(hidden, vocabulary)

        def forward(self, x):
            states, _ = self.recurrent(functional.one_hot(x, vocabulary).float())
            return self.out(states)

    torch.manual_seed(0)
    net = Model()
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(x).reshape(-1, vocabulary), y.reshape(-1))
        loss.backward()
        optimizer.step()
        return loss

    text = torch.randint(vocabulary, (steps + 1, batch))
    return Training(net, step, text[:-1].contiguous(), text[1:].contiguous())
