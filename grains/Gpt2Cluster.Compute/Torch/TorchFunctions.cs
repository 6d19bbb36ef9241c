using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.jit;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// libtorch's operators that TorchSharp does not wrap, by way of TorchScript: its errors come back as exceptions. One
/// operator a function, so that no executor fuses several. A name that libtorch does not know ends the process; a test
/// compiles them all.
/// </summary>
/// <remarks>
/// Attention on a card takes the operators below the scaled_dot_product ones, as those's backward forms want tensors
/// that are not defined, which a script cannot pass. Causal is mask type 1; one split of the keys has one order of
/// additions.
/// </remarks>
internal static class TorchFunctions
{
    private const string Source = """
        def layer_norm(x, gain, bias, epsilon: float):
          return torch.native_layer_norm(x, [x.size(1)], gain, bias, epsilon)

        def layer_norm_backward(dy, x, mean, rstd, gain, bias):
          return torch.native_layer_norm_backward(dy, x, [x.size(1)], mean, rstd, gain, bias, [True, True, True])

        def layer_norm_backward_input(dy, x, mean, rstd, gain, bias):
          dx, dgain, dbias = torch.native_layer_norm_backward(dy, x, [x.size(1)], mean, rstd, gain, bias,
              [True, False, False])
          return dx

        def gelu(x, out):
          return torch.gelu(x, approximate="tanh", out=out)

        def gelu_backward(dy, x, out):
          return torch.gelu_backward(dy, x, approximate="tanh", grad_input=out)

        def add(a, b, out):
          return torch.add(a, b, out=out)

        def mul(a, b, out):
          return torch.mul(a, b, out=out)

        def sqrt(a, out):
          return torch.sqrt(a, out=out)

        def scale_all(tensors: List[Tensor], factor: float):
          torch._foreach_mul_(tensors, factor)
          return tensors[0]

        def join(tensors: List[Tensor], dimension: int, out):
          return torch.cat(tensors, dimension, out=out)

        def sum_first(x, out):
          return torch.sum(x, [0], False, out=out)

        def addmm(bias, a, b, out):
          return torch.addmm(bias, a, b, out=out)

        def log_softmax(x):
          return torch.log_softmax(x, 1, 6)

        def gather_columns(x, index, out):
          return torch.gather(x, 1, index, out=out)

        def embedding_backward(dy, tokens, rows: int):
          return torch.embedding_dense_backward(dy, tokens, rows, -1, False)

        def attention_cpu(q, k, v):
          return torch._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, True)

        def attention_cpu_backward(dy, q, k, v, y, sums):
          return torch._scaled_dot_product_flash_attention_for_cpu_backward(dy, q, k, v, y, sums, 0.0, True)

        def attention_flash(q, k, v, starts, length: int, factor: float):
          y, sums, seed, offset, mask = torch._flash_attention_forward(q, k, v, starts, starts, length, length,
              0.0, True, False, scale=factor)
          return [y, sums, seed, offset]

        def attention_flash_backward(dy, q, k, v, y, sums, starts, length: int, seed, offset, factor: float):
          return torch._flash_attention_backward(dy, q, k, v, y, sums, starts, starts, length, length, 0.0,
              True, seed, offset, scale=factor)

        def attention_efficient(q, k, v, factor: float):
          y, sums, seed, offset, nq, nk = torch._efficient_attention_forward(q, k, v, None, None, None, None,
              None, 0.0, 1, True, scale=factor)
          return [y, sums, seed, offset]

        def attention_efficient_backward(dy, q, k, v, y, sums, length: int, seed, offset, factor: float):
          dq, dk, dv, dbias = torch._efficient_attention_backward(dy, q, k, v, None, y, None, None, length,
              length, sums, 0.0, seed, offset, 1, False, scale=factor, num_splits_key=1)
          return [dq, dk, dv]

        """;

    private static readonly Lazy<CompilationUnit> Unit = new(() => compile(Source));

    /// <summary>Runs a function of one result.</summary>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">libtorch refused.</exception>
    public static Tensor One(string name, params object[] arguments) => (Tensor)Invoke(name, arguments);

    /// <summary>Runs a function of two results.</summary>
    public static (Tensor First, Tensor Second) Two(string name, params object[] arguments) =>
        ((Tensor, Tensor))Invoke(name, arguments);

    /// <summary>Runs a function of three results.</summary>
    public static (Tensor First, Tensor Second, Tensor Third) Three(string name, params object[] arguments) =>
        ((Tensor, Tensor, Tensor))Invoke(name, arguments);

    /// <summary>Runs a function whose result is a list.</summary>
    public static Tensor[] Several(string name, params object[] arguments) => (Tensor[])Invoke(name, arguments);

    /// <summary>
    /// TorchSharp makes a number's native form in an object that nobody holds: the collector took it away during the
    /// call, and libtorch read what came to lie there. So numbers are held here until the call is over.
    /// </summary>
    private static object Invoke(string name, object[] arguments)
    {
        object[] held = [.. arguments.Select(Held)];
        try
        {
            return Unit.Value.invoke(name, held);
        }
        finally
        {
            foreach (var number in held.OfType<Scalar>())
                number.Dispose();
            GC.KeepAlive(arguments);
        }
    }

    private static object Held(object argument) => argument switch
    {
        double number => number.ToScalar(),
        long number => number.ToScalar(),
        Tensor or Tensor[] => argument,
        _ => throw new ArgumentException($"{argument} is no argument of a function.", nameof(argument)),
    };
}
