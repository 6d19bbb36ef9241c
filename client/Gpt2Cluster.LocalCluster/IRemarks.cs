namespace Gpt2Cluster.LocalCluster;

/// <summary>Takes what people are told while a cluster is looked for or started.</summary>
public interface IRemarks
{
    /// <summary>Something that happens.</summary>
    void WriteMessage(string line);

    /// <summary>Something that may be a mistake.</summary>
    void Warn(string sentence);

    /// <summary>Something for those who ask for more.</summary>
    void Detail(string line);
}
