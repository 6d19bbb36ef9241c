namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>How far a download is.</summary>
/// <param name="FileName">The file in work.</param>
/// <param name="Bytes">Its bytes that are here.</param>
/// <param name="TotalBytes">Its size; 0 while unknown.</param>
public readonly record struct HubProgress(string FileName, long Bytes, long TotalBytes);
