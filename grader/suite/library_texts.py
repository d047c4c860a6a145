"""What Python, torch and numpy say of ordinary mistakes, as forms with slots for sizes, names and devices.

Data only. Numbers in these texts are sizes and axes, never values of a tensor: that is why they may be told.

Source: torch 2.11 to 2.13 (ATen, torch.nn, torch.autograd), CPython 3.11 to 3.13, numpy 2, as they raise them.
"""

from __future__ import annotations

FORMS = (
    # shapes
    "mat1 and mat2 shapes cannot be multiplied ({shape} and {shape})",
    "The size of tensor a ({n}) must match the size of tensor b ({n}) at non-singleton dimension {n}",
    "The expanded size of the tensor ({n}) must match the existing size ({n}) at non-singleton dimension {n}.  "
    "Target sizes: {shape}.  Tensor sizes: {shape}",
    "The shape of the mask {shape} at index {n} does not match the shape of the indexed tensor {shape} at index {n}",
    "output with shape {shape} doesn't match the broadcast shape {shape}",
    "shape mismatch: value tensor of shape {shape} cannot be broadcast to indexing result of shape {shape}",
    "shape mismatch: indexing tensors could not be broadcast together with shapes {shape}, {shape}",
    "shape '{shape}' is invalid for input of size {n}",
    "Dimension out of range (expected to be in range of [{n}, {n}], but got {n})",
    "Dimension specified as {n} but tensor has no dimensions",
    "dimension specified as {n} but tensor has no dimensions",
    "index {n} is out of bounds for dimension {n} with size {n}",
    "index {n} is out of bounds for axis {n} with size {n}",
    "index out of range in self",
    "too many indices for tensor of dimension {n}",
    "too many indices for array: array is {n}-dimensional, but {n} were indexed",
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim "
    "tensor to a number",
    "tensors used as indices must be long, int, byte or bool tensors",
    "Tensors must have same number of dimensions: got {n} and {n}",
    "Sizes of tensors must match except in dimension {n}. Expected size {n} but got size {n} for tensor number {n} in "
    "the list.",
    "stack expects each tensor to be equal size, but got {shape} at entry {n} and {shape} at entry {n}",
    "stack expects a non-empty TensorList",
    "torch.cat(): expected a non-empty list of Tensors",
    "both arguments to matmul need to be at least 1D, but they are {n}D and {n}D",
    "size mismatch, got input ({n}), mat ({shape}), vec ({n})",
    "inconsistent tensor size, expected tensor {shape} and src {shape} to have the same number of elements, but got "
    "{n} and {n} elements respectively",
    "1D tensors expected, but got {n}D and {n}D tensors",
    "self must be a matrix",
    "mat2 must be a matrix",
    "batch1 must be a 3D tensor",
    "batch2 must be a 3D tensor",
    "t() expects a tensor with <= 2 dimensions, but self is {n}D",
    "Expected size for first two dimensions of batch2 tensor to be: {shape} but got: {shape}.",
    "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
    "contiguous subspaces). Use .reshape(...) instead.",
    "number of dims don't match in permute",
    "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering "
    "of dimensions i.e. input.dim() = {n} is not equal to len(dims) = {n}",
    "einsum(): subscript {name} has size {n} for operand {n} which does not broadcast with previously seen size {n}",
    "einsum(): the number of subscripts in the equation ({n}) does not match the number of dimensions ({n}) for "
    "operand {n} and no ellipsis was given",
    "operands could not be broadcast together with shapes {shape} {shape}",
    "matmul: Input operand {n} has a mismatch in its core dimension {n}, with gufunc signature (n?,k),(k,m?)->(n?,m?) "
    "(size {n} is different from {n})",
    "shapes {shape} and {shape} not aligned: {n} (dim {n}) != {n} (dim {n})",
    # dtypes and devices
    "expected scalar type {dtype} but found {dtype}",
    "expected m1 and m2 to have the same dtype, but got: {dtype} != {dtype}",
    "mat1 and mat2 must have the same dtype, but got {dtype} and {dtype}",
    "Found dtype {dtype} but expected {dtype}",
    "dot : expected both vectors to have same dtype, but found {dtype} and {dtype}",
    "result type {dtype} can't be cast to the desired output type {dtype}",
    "Index put requires the source and destination dtypes match, got {dtype} for the destination and {dtype} for the "
    "source.",
    "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: {dtype}",
    "Only Tensors of floating point and complex dtype can require gradients",
    "only Tensors of floating point dtype can require gradients",
    "Expected all tensors to be on the same device, but found at least two devices, {device} and {device}!",
    "Expected all tensors to be on the same device, but found at least two devices, {device} and {device}! "
    "(when checking argument for argument {name} in method {method})",
    "Expected all tensors to be on the same device, but got {name} is on {device}, different from other tensors on "
    "{device} (when checking argument in method {method})",
    "can't convert {device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.",
    "can't convert {device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first",
    "Input type ({name}) and weight type ({name}) should be the same",
    "Torch not compiled with CUDA enabled",
    # autograd
    "element {n} of tensors does not require grad and does not have a grad_fn",
    "grad can be implicitly created only for scalar outputs",
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
    "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
    "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
    "saved tensors after calling backward.",
    "a leaf Variable that requires grad is being used in an in-place operation.",
    "a view of a leaf Variable that requires grad is being used in an in-place operation.",
    "one of the variables needed for gradient computation has been modified by an inplace operation: [{name} {shape}]"
    ", which is output {n} of {name}, is at version {n}; expected version {n} instead. Hint: enable anomaly detection "
    "to find the operation that failed to compute its gradient, with torch.autograd.set_detect_anomaly(True).",
    "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
    "One of the differentiated Tensors does not require grad",
    "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is "
    "the desired behavior.",
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
    "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in "
    "autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`.",
    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal "
    "tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.",
    "Function {name} returned an invalid gradient at index {n} - got {shape} but expected shape compatible with "
    "{shape}",
    "Mismatch in shape: grad_output[{n}] has a shape of {shape} and output[{n}] has a shape of {shape}.",
    "function {name} returned an incorrect number of gradients (expected {n}, got {n})",
    # numbers out of tensors
    "a Tensor with {n} elements cannot be converted to Scalar",
    "only one element tensors can be converted to Python scalars",
    "only integer tensors of a single element can be converted to an index",
    "Boolean value of Tensor with more than one value is ambiguous",
    "Boolean value of Tensor with no values is ambiguous",
    "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()",
    "iteration over a 0-d tensor",
    "len() of a 0-d tensor",
    # layers, losses, optimisers
    "Target {n} is out of bounds.",
    "Expected target size {shape}, got {shape}",
    "Expected input batch_size ({n}) to match target batch_size ({n}).",
    "Expected floating point type for target with class probabilities, got {dtype}",
    "0D or 1D target tensor expected, multi-target not supported",
    "Class values must be smaller than num_classes.",
    "Using a target size ({shape}) that is different to the input size ({shape}) is deprecated. Please ensure they "
    "have the same size.",
    "all elements of input should be between 0 and 1",
    "Given groups={n}, weight of size {shape}, expected input{shape} to have {n} channels, but got {n} channels "
    "instead",
    "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: {shape}",
    "Calculated padded input size per channel: ({shape}). Kernel size: ({shape}). Kernel size can't be greater than "
    "actual input size",
    "running_mean should contain {n} elements not {n}",
    "Expected more than 1 value per channel when training, got input size {shape}",
    "expected {n}D input (got {n}D input)",
    "expected {n}D or {n}D input (got {n}D input)",
    "Given normalized_shape={shape}, expected input with shape [*, {n}], but got input of size{shape}",
    "cannot assign '{name}' as parameter '{name}' (torch.nn.Parameter or None required)",
    "cannot assign '{name}' object to parameter '{name}' (torch.nn.Parameter or None required)",
    "cannot assign module before Module.__init__() call",
    "cannot assign parameters before Module.__init__() call",
    'Module [{name}] is missing the required "forward" function',
    "optimizer got an empty parameter list",
    "optimizer can only optimize Tensors, but one of the params is {name}",
    "embed_dim must be divisible by num_heads",
    # arguments
    "{name}(): argument '{name}' (position {n}) must be {name}, not {name}",
    "{name}(): argument '{name}' must be {name}, not {name}",
    "expected {name} as element {n} in argument {n}, but got {name}",
    "{name}() missing {n} required positional argument: '{name}'",
    "{name}() missing {n} required positional arguments: '{name}' and '{name}'",
    "{name}() missing {n} required positional arguments: '{name}', '{name}', and '{name}'",
    "{name}() takes {n} positional argument but {n} were given",
    "{name}() takes {n} positional arguments but {n} were given",
    "{name}() takes {n} positional argument but {n} was given",
    "{name}() takes {n} positional arguments but {n} was given",
    "{name}() missing {n} required keyword-only argument: '{name}'",
    "{name}() takes from {n} to {n} positional arguments but {n} were given",
    "{name}() takes no arguments",
    "{name}() got an unexpected keyword argument '{name}'",
    "{name}() got multiple values for argument '{name}'",
    # Python
    "division by zero",
    "float division by zero",
    "integer division or modulo by zero",
    "integer modulo by zero",
    "math domain error",
    "math range error",
    "expected a positive input",
    "list index out of range",
    "list assignment index out of range",
    "tuple index out of range",
    "string index out of range",
    "pop from empty list",
    "range() arg 3 must not be zero",
    "too many values to unpack (expected {n})",
    "too many values to unpack (expected {n}, got {n})",
    "not enough values to unpack (expected {n}, got {n})",
    "cannot unpack non-iterable {name} object",
    "name '{name}' is not defined",
    "name '{name}' is not defined. Did you mean: '{name}'?",
    "cannot access local variable '{name}' where it is not associated with a value",
    "cannot access free variable '{name}' where it is not associated with a value in enclosing scope",
    "local variable '{name}' referenced before assignment",
    "'{name}' object has no attribute '{name}'",
    "'{name}' object has no attribute '{name}'. Did you mean: '{name}'?",
    "'{name}' object has no attribute '{name}' and no __dict__ for setting new attributes",
    "type object '{name}' has no attribute '{name}'",
    "module '{name}' has no attribute '{name}'",
    "cannot import name '{name}' from '{name}' (unknown location)",
    "No module named '{name}'",
    "'{name}' object is not callable",
    "'{name}' object is not iterable",
    "'{name}' object is not subscriptable",
    "'{name}' object does not support item assignment",
    "'{name}' object cannot be interpreted as an integer",
    "object of type '{name}' has no len()",
    "unsupported operand type(s) for {operator}: '{name}' and '{name}'",
    "bad operand type for unary {operator}: '{name}'",
    "'{operator}' not supported between instances of '{name}' and '{name}'",
    "can't multiply sequence by non-int of type '{name}'",
    "unhashable type: '{name}'",
    "list indices must be integers or slices, not {name}",
    "tuple indices must be integers or slices, not {name}",
    "maximum recursion depth exceeded",
    "maximum recursion depth exceeded in comparison",
    "maximum recursion depth exceeded while calling a Python object",
    "EOF when reading a line",
    "can't start new thread",
)
