"""What ``lightwell train`` can train, and the settings that are known to work for each kind of data."""

from ..errors.teaching import ValueError

MODELS = {
    "lenet": "a convolutional network after LeNet-5 (LeCun et al., 1998), with ReLU and max pooling",
    "mlp": "a perceptron with one hidden layer of 256 units",
    "softmax": "softmax regression: one linear layer and cross-entropy",
    "linear": "linear regression: one linear layer and squared error",
}

DATA = {
    "digits": "1797 handwritten digits of 8x8 pixels, part of the package",
    "mnist": "70,000 handwritten digits of 28x28 pixels",
    "fashion-mnist": "70,000 pictures of clothes of 28x28 pixels",
    "airfoil": "1503 wind-tunnel measurements of the noise of airfoils, part of the package (linear only)",
}

# (model, size of the data) -> epochs, batch size, highest learning rate
_SETTINGS = {
    ("lenet", "small"): (10, 32, 3e-3),
    ("lenet", "large"): (5, 128, 4e-3),
    ("mlp", "small"): (10, 32, 3e-3),
    ("mlp", "large"): (5, 128, 2e-3),
    ("softmax", "small"): (10, 32, 1e-2),
    ("softmax", "large"): (5, 128, 3e-3),
    ("linear", "table"): (20, 32, 3e-2),
    ("linear", "small"): (20, 32, 5e-3),
    ("linear", "large"): (5, 128, 3e-3),
}


class Recipe:
    """The choices of one training run; everything that its numbers depend on."""

    FIELDS = ("model", "data", "epochs", "batch_size", "lr", "seed")

    def __init__(self, model, data=None, epochs=None, batch_size=None, lr=None, seed=0):
        data = data or ("airfoil" if model == "linear" else "digits")
        if model not in MODELS:
            raise ValueError(f"unknown model {model!r}; there are {', '.join(MODELS)}")
        if data not in DATA:
            raise ValueError(f"unknown data {data!r}; there are {', '.join(DATA)}")
        if data == "airfoil" and model != "linear":
            raise ValueError(f"airfoil is a table of numbers to predict a number from: train 'linear', not {model!r}")
        size = "large" if data.endswith("mnist") else "table" if data == "airfoil" else "small"
        usual = _SETTINGS[model, size]
        self.model, self.data, self.seed = model, data, seed
        self.epochs, self.batch_size, self.lr = (
            standard if given is None else given for given, standard in zip((epochs, batch_size, lr), usual)
        )
        for name in ("epochs", "batch_size", "lr"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} should be positive, got {getattr(self, name)}")

    def as_dict(self) -> dict:
        """The choices as plain values."""
        return {name: getattr(self, name) for name in self.FIELDS}

    def describe(self, network, task) -> str:
        """The recipe in words."""
        count = sum(p.numel() for p in network.parameters())
        loss = "mean squared error" if task.classes is None else "cross-entropy"
        return (
            f"model      {self.model}: {MODELS[self.model]}; {count:,} parameters\n"
            f"data       {self.data}: {len(task.train):,} to train on, {len(task.test):,} to test on; {task.prepared}\n"
            f"loss       {loss}\n"
            f"optimizer  Adam (betas 0.9, 0.999)\n"
            f"schedule   one cycle: the learning rate rises to {self.lr:g} in 30 % of the steps, then falls\n"
            f"batches    {self.batch_size} examples, newly shuffled in each of {self.epochs} epochs; seed {self.seed}"
        )


def build(model: str, task):
    """A fresh network for a task; raises ValueError where it does not suit the data."""
    from lightwell import nn

    *_, height, width = task.shape if len(task.shape) == 3 else (1, 1, *task.shape)
    inputs = 1
    for n in task.shape:
        inputs *= n
    outputs = 1 if task.classes is None else len(task.classes)
    if model == "linear":
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 1))
    if model == "softmax":
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs))
    if model == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 256), nn.ReLU(), nn.Linear(256, outputs))
    if min(height, width) >= 16:
        first, second, kernel = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5), 5
        flat = 16 * ((height // 2 - kernel + 1) // 2) * ((width // 2 - kernel + 1) // 2)
    else:  # 5x5 windows would leave nothing of 8x8 pixels: smaller windows, more of them
        first, second = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        flat = 32 * (height // 4) * (width // 4)
    return nn.Sequential(
        *(first, nn.ReLU(), nn.MaxPool2d(2)),
        *(second, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(flat, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, outputs)),
    )
