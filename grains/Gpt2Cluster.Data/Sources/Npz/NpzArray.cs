namespace Gpt2Cluster.Data.Sources.Npz;

/// <summary>One array of an <see cref="NpzFile"/>.</summary>
/// <param name="Name">Its name, such as <c>arr_0</c>.</param>
/// <param name="Length">How many tokens it holds.</param>
public sealed record NpzArray(string Name, long Length);
