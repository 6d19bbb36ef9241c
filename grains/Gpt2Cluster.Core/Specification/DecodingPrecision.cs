namespace Gpt2Cluster.Core.Specification;

/// <summary>How text is generated.</summary>
/// <param name="Products">What prompts are read in, and everything between the products of decoding.</param>
/// <param name="InEightBits">Whether the weights of decoding are rounded to eight bits, with a scale for each output:
/// half the bytes of bf16, and decoding is bound by reading them.</param>
public readonly record struct DecodingPrecision(Precision Products, bool InEightBits = false);
