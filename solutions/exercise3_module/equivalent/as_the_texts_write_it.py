"""as-the-texts-write-it: super() with arguments, torch.nn.functional imported as F, view, no annotations."""
# ruff: noqa: SIM114, UP008, UP030, UP031, UP032 - older texts are written like this, and they are right

import torch
import torch.nn as nn
import torch.nn.functional as F


class MyLinear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super(MyLinear, self).__init__()
        a = 1 / in_features**0.5
        self.weight = nn.Parameter(torch.FloatTensor(out_features, in_features).uniform_(-a, a))
        if bias:
            self.bias = nn.Parameter(torch.FloatTensor(out_features).uniform_(-a, a))
        else:
            self.bias = None

    def forward(self, x):
        y = torch.matmul(x, self.weight.t())
        if self.bias is not None:
            y = y + self.bias
        return y


class RunningNorm(nn.Module):
    def __init__(self, channels, momentum=0.1, eps=1e-5):
        super(RunningNorm, self).__init__()
        self.momentum = momentum
        self.eps = eps
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        if x.dim() == 2:
            axes, shape = [0], (1, -1)
        elif x.dim() == 3:
            axes, shape = [0, 2], (1, -1, 1)
        else:
            axes, shape = [0, 2, 3], (1, -1, 1, 1)
        if self.training:
            mean = torch.mean(x, dim=axes)
            var = torch.mean((x - mean.view(shape)) ** 2, dim=axes)
            self.running_mean.data = self.momentum * mean.data + (1 - self.momentum) * self.running_mean.data
            self.running_var.data = self.momentum * var.data + (1 - self.momentum) * self.running_var.data
        else:
            mean = self.running_mean
            var = self.running_var
        x = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return x


class SmallNet(nn.Module):
    def __init__(self, inputs=3, first=4, second=2, outputs=3):
        super(SmallNet, self).__init__()
        self.fc1 = nn.Linear(inputs, first, bias=False)
        nn.init.xavier_normal_(self.fc1.weight)
        self.fc2 = nn.Linear(first, second)
        nn.init.kaiming_normal_(self.fc2.weight)
        self.out = nn.Linear(second, outputs)

    def forward(self, x):
        x = self.fc1(x)
        x = F.sigmoid(x)
        x = self.fc2(x)
        x = F.relu(x)
        x = self.out(x)
        x = F.softmax(x, dim=-1)
        return x


class DigitNet(nn.Module):
    def __init__(self):
        super(DigitNet, self).__init__()
        self.fc1 = nn.Linear(784, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = self.fc2(x)
        return x


class LeNet(nn.Module):
    def __init__(self):
        super(LeNet, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, self.num_flat_features(x))
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        x = self.fc3(x)
        return x

    def num_flat_features(self, x):
        size = x.size()[1:]
        num_features = 1
        for s in size:
            num_features *= s
        return num_features


class Mlp(nn.Module):
    def __init__(self, sizes, dropout=0.0):
        super(Mlp, self).__init__()
        layers = []
        for i in range(len(sizes) - 1):
            layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        self.layers = nn.ModuleList(layers)
        self.dropout = dropout

    def forward(self, x):
        for i in range(len(self.layers)):
            x = self.layers[i](x)
            if i != len(self.layers) - 1:
                x = F.dropout(F.relu(x), p=self.dropout, training=self.training)
        return x


class Chain(nn.Module):
    def __init__(self, steps):
        super(Chain, self).__init__()
        self.keys = list(steps.keys())
        for key in self.keys:
            self.add_module(key, steps[key])

    def forward(self, x):
        for key in self.keys:
            layer = getattr(self, key)
            x = layer(x)
        return x


def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.normal_(m.weight, std=0.01)
        if m.bias is not None:
            nn.init.zeros_(m.bias)
    elif isinstance(m, MyLinear):
        nn.init.normal_(m.weight, std=0.01)
        if m.bias is not None:
            nn.init.zeros_(m.bias)


def initialize(net):
    net.apply(init_weights)


def trainable_names(model):
    names = []
    for name, param in model.named_parameters():
        if param.requires_grad:
            names.append(name)
    return names


def count_parameters(model):
    total = 0
    trainable = 0
    for param in model.parameters():
        total += param.numel()
        if param.requires_grad:
            trainable += param.numel()
    return {"total": total, "trainable": trainable, "frozen": total - trainable}


def summary(model, input_size, batch_size=1):
    table = []
    hooks = []
    modes = {}

    def hook(module, input, output):
        params = 0
        for param in module.parameters():
            params += param.numel()
        name = "%s-%i" % (module.__class__.__name__, len(table) + 1)
        table.append("%20s %25s %15s" % (name, str(list(output.shape)), "{0:,}".format(params)))

    for module in model.modules():
        modes[module] = module.training
        if len(list(module.children())) == 0:
            hooks.append(module.register_forward_hook(hook))

    params = list(model.parameters())
    if len(params) > 0:
        x = torch.rand(batch_size, *input_size).type(params[0].dtype).to(params[0].device)
    else:
        x = torch.rand(batch_size, *input_size)

    model.eval()
    try:
        with torch.no_grad():
            model(x)
    finally:
        for h in hooks:
            h.remove()
        for module in modes:
            module.training = modes[module]

    counts = count_parameters(model)
    text = "-" * 64 + "\n"
    text += "%20s %25s %15s\n" % ("Layer (type)", "Output Shape", "Param #")
    text += "=" * 64 + "\n"
    text += "\n".join(table) + "\n"
    text += "=" * 64 + "\n"
    text += "Total params: {0:,}\n".format(counts["total"])
    text += "Trainable params: {0:,}\n".format(counts["trainable"])
    text += "Non-trainable params: {0:,}\n".format(counts["frozen"])
    text += "-" * 64
    return text
