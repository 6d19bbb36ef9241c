namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// What was copied arrived as it lies on the other silo's disk, and it is damaged there: trying again is no use.
/// </summary>
/// <param name="message">What is wrong with it.</param>
public sealed class DamagedSourceException(string message) : Exception(message);
