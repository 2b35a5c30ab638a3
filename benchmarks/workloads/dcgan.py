"""DCGAN on 3×32×32 images: a step of the discriminator, then one of the generator, each with its own Adam."""

from . import Training


def build(torch, batch: int, width: int = 32, noise: int = 100) -> Training:
    """The generator's transposed convolutions double the side from 4 to 32; the discriminator mirrors it. `step(noise, images)`."""
    nn, functional = torch.nn, torch.nn.functional

    def up(ins, outs, stride=2, padding=1):
        return [nn.ConvTranspose2d(ins, outs, 4, stride, padding, bias=False), nn.BatchNorm2d(outs), nn.ReLU()]

    def down(ins, outs):
        return [nn.Conv2d(ins, outs, 4, 2, 1, bias=False), nn.BatchNorm2d(outs), nn.LeakyReLU(0.2)]

    torch.manual_seed(0)
    generator = nn.Sequential(
        *up(noise, 4 * width, stride=1, padding=0), *up(4 * width, 2 * width), *up(2 * width, width),
        nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2), *down(width, 2 * width), *down(2 * width, 4 * width),
        nn.Conv2d(4 * width, 1, 4, bias=False), nn.Flatten(0),
    )  # fmt: skip
    adam_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    real, fake = torch.ones(batch), torch.zeros(batch)
    loss_of = functional.binary_cross_entropy_with_logits

    def step(x, y):
        made = generator(x)
        adam_d.zero_grad()
        loss_d = (loss_of(discriminator(y), real) + loss_of(discriminator(made.detach()), fake)) / 2
        loss_d.backward()
        adam_d.step()
        adam_g.zero_grad()
        loss_g = loss_of(discriminator(made), real)
        loss_g.backward()
        adam_g.step()
        return loss_d.detach() + loss_g.detach()

    net = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
    return Training(net, step, torch.randn(batch, noise, 1, 1), torch.tanh(torch.randn(batch, 3, 32, 32)))
